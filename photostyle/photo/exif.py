"""EXIF as bytes: values are copied as they are stored, and only what has to change is written anew.

EXIF 3.0 (CIPA DC-008-2023) and TIFF 6.0 for directories, types and tags; BigTIFF for offsets of 64 bits. A library that
decodes values and encodes them again loses what it does not know: text that is not ASCII, new types, private tags.
"""

from __future__ import annotations

import io
import os
import struct
from dataclasses import dataclass, field
from fractions import Fraction
from typing import IO, Literal, NamedTuple

Order = Literal["<", ">"]
Directory = Literal["image", "exif", "gps", "interop"]
"""The directories that are kept. "image" is the first one of the file; the second describes a thumbnail."""

HEADER = b"Exif\0\0"
"""What begins EXIF in a JPEG."""

ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 274, 282, 283, 296
MAKER_NOTE, COLOR_SPACE, PIXEL_WIDTH, PIXEL_HEIGHT = 37500, 40961, 40962, 40963
SUBJECT_AREA, SUBJECT_LOCATION, INTEROP_INDEX = 37396, 41492, 1
XMP, IPTC, PHOTOSHOP, ICC, LAYERS = 700, 33723, 34377, 34675, 37724
"""Tags in which a TIFF keeps what other files keep elsewhere."""

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED = 1, 2, 3, 4, 5, 7
_SIZES = {
    1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8, 129: 1,
}  # fmt: skip
"""Bytes of one value of each type. 129 is the UTF-8 of EXIF 3.0; 16 to 18 are those of BigTIFF."""
_NUMBERS = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}

_POINTERS: dict[int, tuple[Directory, Directory]] = {
    34665: ("image", "exif"),
    34853: ("image", "gps"),
    40965: ("exif", "interop"),
}
_SINGLE = {ORIENTATION, X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, COLOR_SPACE, PIXEL_WIDTH, PIXEL_HEIGHT}
"""Tags of one value. Of more values, which only damaged files have, the first is read."""
_MAGIC = {42, 43, 0x4F52, 0x5352, 0x55}
"""The number after the byte order: TIFF, BigTIFF, and the raw files that are built like them (ORF and RW2)."""
_MOST_ENTRIES = 4096
_MOST_BYTES = 1 << 24
"""Bytes of a value that is kept. Longer ones are pictures."""
_NEAR = 65_000
"""A maker's note keeps its place up to this byte. Its own offsets often count from the start of EXIF."""

# Tags that lay out a TIFF's own pixels, or that repeat what is kept elsewhere: wrong in any other file.
_LAYOUT_TAGS = frozenset({
    *range(254, 267), 273, *range(277, 280), 284, 317, *range(320, 326), 330, 338, 339, 347, *range(512, 533), 700,
    33421, 33422, 33723, 34377, 34675, 37724, 50255, *range(50706, 50900),
})  # fmt: skip


class Entry(NamedTuple):
    """One tag.

    Args:
        type: number of the type, as in the file.
        values: number of values, of the size that the type has.
        data: the values, in the byte order of the block.
        place: offset of the data in the block that they were read from; None if they are new or in the directory.
    """

    type: int
    values: int
    data: bytes
    place: int | None = None


@dataclass
class Exif:
    """The directories of EXIF.

    Args:
        order: byte order of the values, "<" little-endian or ">" big-endian.
        directories: entries by tag. Pointers from one to another are not among them.
    """

    order: Order = "<"
    directories: dict[Directory, dict[int, Entry]] = field(
        default_factory=lambda: {"image": {}, "exif": {}, "gps": {}, "interop": {}}
    )

    def __bool__(self) -> bool:
        return any(self.directories.values())

    def numbers(self, directory: Directory, tag: int) -> tuple[float, ...]:
        """The values of a tag; empty if there is none or its values are no numbers."""
        entry = self.directories[directory].get(tag)
        if entry is None:
            return ()
        if entry.type in (5, 10):
            kind = "I" if entry.type == 5 else "i"
            parts = struct.unpack(f"{self.order}{2 * entry.values}{kind}", entry.data)
            return tuple(a / b if b else 0.0 for a, b in zip(parts[::2], parts[1::2], strict=True))
        kind = _NUMBERS.get(entry.type, "")
        return struct.unpack(f"{self.order}{entry.values}{kind}", entry.data) if kind else ()

    def text(self, directory: Directory, tag: int) -> str:
        """The value of a tag as text, without what follows the first NUL; empty if there is none."""
        entry = self.directories[directory].get(tag)
        return entry.data.partition(b"\0")[0].decode("utf-8", "replace") if entry else ""

    def blob(self, tag: int) -> bytes | None:
        """The bytes of a tag of the first directory; None if there is none.

        Some programs store bytes as numbers of 32 bits, in the byte order of the file; their bytes are what is wanted.
        """
        entry = self.directories["image"].get(tag)
        return entry.data if entry else None

    def set_numbers(self, directory: Directory, tag: int, type: int, *values: int) -> None:
        """Sets a tag to whole numbers of the type BYTE, SHORT or LONG."""
        data = struct.pack(f"{self.order}{len(values)}{_NUMBERS[type]}", *values)
        self.directories[directory][tag] = Entry(type, len(values), data)

    def set_rational(self, directory: Directory, tag: int, value: float) -> None:
        """Sets a tag to a fraction near to a number that is not negative."""
        fraction = Fraction(value).limit_denominator(10_000)
        data = struct.pack(f"{self.order}2I", fraction.numerator, fraction.denominator)
        self.directories[directory][tag] = Entry(RATIONAL, 1, data)

    def set_bytes(self, directory: Directory, tag: int, type: int, data: bytes) -> None:
        """Sets a tag to bytes, of the type ASCII, BYTE or UNDEFINED."""
        self.directories[directory][tag] = Entry(type, len(data), data)

    def without_layout(self) -> Exif:
        """A copy without the tags that lay out pixels, or that repeat what is kept elsewhere."""
        first = {tag: entry for tag, entry in self.directories["image"].items() if tag not in _LAYOUT_TAGS}
        return Exif(self.order, {**self.directories, "image": first})

    def to_bytes(self) -> bytes:
        """A block that begins with the byte order, as it stands in a TIFF. See `HEADER`."""
        return _Layout(self).block()


def read_exif(
    source: bytes | IO[bytes], *, offset: int | None = None, layout: bool = False
) -> tuple[Exif, tuple[str, ...]]:
    """Reads EXIF, or the tags of a TIFF.

    Args:
        source: a block of EXIF, with `HEADER` or without, or a seekable file that begins as a TIFF does.
        offset: place of the first directory; None means the one that the header names.
        layout: also read the tags that lay out pixels.

    Returns:
        What could be read, and what could not: a short text for each part that is damaged.
    """
    stream = io.BytesIO(source.removeprefix(HEADER)) if isinstance(source, bytes) else source
    return _Reader(stream, layout).read(offset)


class _Reader:
    def __init__(self, stream: IO[bytes], layout: bool) -> None:
        self.stream, self.layout = stream, layout
        self.damaged: list[str] = []
        self.size = stream.seek(0, os.SEEK_END)

    def read(self, offset: int | None) -> tuple[Exif, tuple[str, ...]]:
        exif = Exif()
        head = self._at(0, 16)
        order: Order | None = {b"II": "<", b"MM": ">"}.get(head[:2])  # type: ignore[assignment]
        if order is None or len(head) < 8 or struct.unpack_from(f"{order}H", head, 2)[0] not in _MAGIC:
            return exif, ("it does not begin as EXIF does",)
        exif.order = order
        self.big = struct.unpack_from(f"{order}H", head, 2)[0] == 43
        if self.big and len(head) < 16:
            return exif, ("its header is cut short",)
        first = struct.unpack_from(f"{order}Q", head, 8)[0] if self.big else struct.unpack_from(f"{order}I", head, 4)[0]
        self._directory(exif, "image", first if offset is None else offset)
        return exif, tuple(self.damaged)

    def _directory(self, exif: Exif, name: Directory, offset: int) -> None:
        order, entries = exif.order, exif.directories[name]
        count_size, entry_size, inline = (8, 20, 8) if self.big else (2, 12, 4)
        head = self._at(offset, count_size)
        if len(head) < count_size:
            self.damaged.append(f"the {name} directory is missing")
            return
        (count,) = struct.unpack(f"{order}{'Q' if self.big else 'H'}", head)
        table = self._at(offset + count_size, entry_size * min(count, _MOST_ENTRIES))
        if len(table) < entry_size * count:
            self.damaged.append(f"the {name} directory is cut short")
        for start in range(0, len(table) - entry_size + 1, entry_size):
            tag, kind = struct.unpack_from(f"{order}2H", table, start)
            (values,) = struct.unpack_from(f"{order}{'Q' if self.big else 'I'}", table, start + 4)
            value = table[start + entry_size - inline : start + entry_size]
            pointer = _POINTERS.get(tag)
            if pointer is not None and pointer[0] == name:
                to = pointer[1]
                wide = self.big and kind in (13, 16, 18)
                (place,) = struct.unpack_from(f"{order}{'Q' if wide else 'I'}", value)
                if not exif.directories[to]:
                    self._directory(exif, to, place)
                continue
            if name == "image" and tag in _LAYOUT_TAGS and not self.layout:
                continue
            if tag in _SINGLE:
                values = min(values, 1)
            entry = self._entry(order, kind, values, value)
            if entry is None:
                self.damaged.append(f"tag {tag}")
            elif tag not in entries:
                entries[tag] = entry

    def _entry(self, order: Order, kind: int, count: int, value: bytes) -> Entry | None:
        """None for a type that is not known, and for data that are cut short or beyond the end."""
        size = _SIZES.get(kind, 0) * count
        if kind not in _SIZES or size > _MOST_BYTES:
            return None
        if size <= len(value):
            entry = Entry(kind, count, value[:size])
        else:
            place = struct.unpack(f"{order}{'Q' if self.big else 'I'}", value)[0]
            data = self._at(place, size)
            if len(data) < size:
                return None
            entry = Entry(kind, count, data, place)
        return _classic(order, entry) if kind in (16, 17, 18) else entry

    def _at(self, place: int, size: int) -> bytes:
        if place >= self.size:
            return b""
        self.stream.seek(place)
        return self.stream.read(min(size, self.size - place))


def _classic(order: Order, entry: Entry) -> Entry | None:
    """Numbers of 64 bits as numbers of 32 bits, which EXIF has; None if they are too large."""
    values = struct.unpack(f"{order}{entry.values}{_NUMBERS[entry.type]}", entry.data)
    kind = 9 if entry.type == 17 else LONG
    try:
        return Entry(kind, entry.values, struct.pack(f"{order}{entry.values}{_NUMBERS[kind]}", *values))
    except struct.error:
        return None


class _Layout:
    """Places of the directories and values of a block. A maker's note stays where it was if that is possible."""

    def __init__(self, exif: Exif) -> None:
        self.exif, self.cursor, self.reserved = exif, 8, (0, 0)
        note = exif.directories["exif"].get(MAKER_NOTE)
        if note is not None and note.place is not None and 8 <= note.place < _NEAR and len(note.data) > 4:
            self.reserved = (note.place, note.place + len(note.data))

    def block(self) -> bytes:
        order, parts = self.exif.order, list[tuple[int, bytes]]()
        tables: dict[Directory, dict[int, Entry]] = {
            name: dict(entries) for name, entries in self.exif.directories.items()
        }
        places: dict[Directory, int] = {}
        for name in ("interop", "gps", "exif", "image"):  # what is pointed to comes first
            entries = tables[name]
            for tag, (source, target) in _POINTERS.items():
                if source == name and target in places:
                    entries[tag] = Entry(LONG, 1, struct.pack(f"{order}I", places[target]))
            if not entries and name != "image":
                continue
            places[name] = self._place(2 + 12 * len(entries) + 4)
            table = [struct.pack(f"{order}H", len(entries))]
            for tag, entry in sorted(entries.items()):
                value = entry.data.ljust(4, b"\0")
                if len(entry.data) > 4:
                    kept = name == "exif" and tag == MAKER_NOTE and self.reserved[1]
                    place = self.reserved[0] if kept else self._place(len(entry.data))
                    parts.append((place, entry.data))
                    value = struct.pack(f"{order}I", place)
                table.append(struct.pack(f"{order}2HI", tag, entry.type, entry.values) + value)
            parts.append((places[name], b"".join(table) + bytes(4)))
        mark = b"II" if order == "<" else b"MM"
        parts.append((0, mark + struct.pack(f"{order}HI", 42, places["image"])))
        block = bytearray(max(place + len(data) for place, data in parts))
        for place, data in parts:
            block[place : place + len(data)] = data
        return bytes(block)

    def _place(self, size: int) -> int:
        """The next free even place for `size` bytes."""
        start, end = self.reserved
        place = self.cursor + self.cursor % 2
        if place < end and place + size > start:
            place = end + end % 2
        self.cursor = place + size
        return place
