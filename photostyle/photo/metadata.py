"""What a photo's file says about it beside its pixels: EXIF, XMP and IPTC, kept, and true of the photo that is written.

EXIF 3.0 (CIPA DC-008) for the tags; XMP, ISO 16684-1, for the packet and, in its part 2, for the history that a result
carries; IPTC IIM 4.2 in the resource 0x0404 of Photoshop's image resources.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from xml.dom import minidom
from xml.parsers.expat import ExpatError

from PIL import ExifTags, Image

if TYPE_CHECKING:
    from xml.dom.minidom import Attr, Document, Element

# Tags that lay out a TIFF's own pixels, or that repeat what is kept elsewhere: wrong in any other file.
_LAYOUT_TAGS = {*range(254, 267), 273, *range(277, 280), 284, 317, *range(320, 326), 330, 338, 339, 347}
_LAYOUT_TAGS |= {*range(512, 533), 700, 33421, 33422, 33723, 34377, 34675, *range(50706, 50900)}

_SIDES_SWAPPED = {5, 6, 7, 8}
_DAMAGED = (OSError, SyntaxError, ValueError, LookupError, TypeError, AttributeError, OverflowError, struct.error)
"""What Pillow raises on damaged EXIF."""

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_EXIF, _TIFF = "http://ns.adobe.com/exif/1.0/", "http://ns.adobe.com/tiff/1.0/"
_XMP, _XMP_MM = "http://ns.adobe.com/xap/1.0/", "http://ns.adobe.com/xap/1.0/mm/"
_EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
_XMLNS = "http://www.w3.org/2000/xmlns/"
_EMPTY_PACKET = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"/></x:xmpmeta>'
_OPENING, _CLOSING = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>', b'<?xpacket end="w"?>'
_IPTC_RESOURCE = 0x0404


@dataclass(frozen=True)
class Metadata:
    """EXIF, XMP and IPTC of an upright photo.

    Args:
        exif: with orientation 1 and without thumbnail, as Pillow's `exif=` takes it; None where there is none.
        xmp: a packet, likewise; None where there is none.
        iptc: the records of IIM; None where there are none.
    """

    exif: bytes | None = field(default=None, repr=False)
    xmp: bytes | None = field(default=None, repr=False)
    iptc: bytes | None = field(default=None, repr=False)

    def without_gps(self) -> Metadata:
        """A copy that does not say where the photo was taken: without EXIF's GPS and XMP's exif:GPS properties.

        Names of places in XMP or IPTC, and what a maker's note may hold, stay.
        """
        kept = self.exif
        if kept is not None:
            exif = Image.Exif()
            exif.load(kept)
            exif.pop(ExifTags.IFD.GPSInfo, None)
            kept = exif.tobytes()
        xmp = self.xmp
        if xmp is not None:
            document = _parsed(xmp)
            _remove(document, _EXIF, "GPS")
            xmp = _packet(document)
        return replace(self, exif=kept, xmp=xmp)

    def without_maker_note(self) -> Metadata:
        """A copy without EXIF's maker's note, which can be longer than all the rest."""
        if self.exif is None:
            return self
        exif = Image.Exif()
        exif.load(self.exif)
        exif.get_ifd(ExifTags.IFD.Exif).pop(int(ExifTags.Base.MakerNote), None)
        return replace(self, exif=exif.tobytes())

    def in_srgb(self) -> Metadata:
        """A copy that says, where it says anything of it, that the photo is in sRGB."""
        if self.exif is None:
            return self
        exif = Image.Exif()
        exif.load(self.exif)
        details = exif.get_ifd(ExifTags.IFD.Exif)
        if ExifTags.Base.ColorSpace in details:
            details[int(ExifTags.Base.ColorSpace)] = 1
        return replace(self, exif=exif.tobytes())

    def with_event(self, software: str, parameters: str) -> Metadata:
        """A copy whose XMP history (xmpMM:History) tells that `software` edited the photo, and how.

        Its time is left out: the same photos and settings give the same bytes.
        """
        document = _parsed(self.xmp or _EMPTY_PACKET.encode())
        history = next(iter(document.getElementsByTagNameNS(_XMP_MM, "History")), None)
        rdf = document.getElementsByTagNameNS(_RDF, "RDF")[0]
        if history is None:
            description = _child(document, rdf, _RDF, "rdf:Description")
            description.setAttributeNS(_RDF, "rdf:about", "")
            history = _child(document, description, _XMP_MM, "xmpMM:History")
        events = next(iter(history.getElementsByTagNameNS(_RDF, "Seq")), None)
        if events is None:
            events = _child(document, history, _RDF, "rdf:Seq")
        event = _child(document, events, _RDF, "rdf:li")
        event.setAttributeNS(_XMLNS, "xmlns:stEvt", _EVENT)
        event.setAttributeNS(_RDF, "rdf:parseType", "Resource")
        for name, value in (("action", "edited"), ("softwareAgent", software), ("parameters", parameters)):
            element = document.createElementNS(_EVENT, f"stEvt:{name}")
            element.appendChild(document.createTextNode(_printable(value)))
            event.appendChild(element)
        return replace(self, xmp=_packet(document))


NO_METADATA = Metadata()


def upright(
    exif: Image.Exif, xmp: bytes | None, iptc: bytes | None, stored: tuple[int, int], notes: list[str]
) -> tuple[Metadata, int]:
    """What can be kept of a file's metadata, true of the upright photo, and the orientation that it gives.

    Args:
        exif: as read; nothing of it need be readable.
        xmp: a packet; iptc: the records of IIM; None where there are none.
        stored: rows and columns as stored.
        notes: takes what a user should know.
    """
    kept, orientation = _upright_exif(exif, stored, notes)
    if xmp is not None:
        try:
            document = _parsed(xmp)
            for holder, attribute in _properties(document, _TIFF, "Orientation"):
                _set(document, holder, attribute, "1")
            _remove(document, _XMP, "Thumbnails")
            xmp = _packet(document)
        except ValueError as error:
            notes.append(f"its XMP is damaged and is lost: {error}")
            xmp = None
    return Metadata(kept, xmp, iptc or None), orientation


def _upright_exif(found: Image.Exif, stored: tuple[int, int], notes: list[str]) -> tuple[bytes | None, int]:
    damaged: list[str] = []
    directories = {int(ExifTags.IFD.Exif), int(ExifTags.IFD.GPSInfo)}
    kept = Image.Exif()
    kept.endian = found.endian
    kept.update(_sound(found, set(found) - _LAYOUT_TAGS - directories, found.endian, damaged))
    orientation = kept.get(ExifTags.Base.Orientation, 1)
    for directory in directories & set(found):
        entries = _directory(found, directory, damaged)
        sound = _sound(entries, set(entries) - {ExifTags.IFD.Interop}, found.endian, damaged)
        if ExifTags.IFD.Interop in entries:
            interop = _directory(found, ExifTags.IFD.Interop, damaged)
            sound[ExifTags.IFD.Interop] = _sound(interop, set(interop), found.endian, damaged)
        if sound:
            kept[directory] = sound
    if damaged:
        notes.append(f"its EXIF is damaged, and what cannot be read is lost ({damaged[0]})")
    if not kept:
        return None, orientation
    kept[ExifTags.Base.Orientation] = 1
    height, width = stored[::-1] if orientation in _SIDES_SWAPPED else stored
    details = kept.get(ExifTags.IFD.Exif, {})
    for tag, side in ((ExifTags.Base.ExifImageHeight, height), (ExifTags.Base.ExifImageWidth, width)):
        if tag in details:
            details[int(tag)] = side
    return kept.tobytes(), orientation


def _directory(exif: Image.Exif, tag: int, damaged: list[str]) -> dict[int, Any]:
    try:
        return dict(exif.get_ifd(tag))
    except _DAMAGED as error:
        damaged.append(str(error))
        return {}


def _sound(entries: Mapping[int, Any], tags: set[int], endian: str | None, damaged: list[str]) -> dict[int, Any]:
    """Those of the tags whose values can be read and written again."""
    sound = {}
    for tag in tags:
        one = Image.Exif()
        one.endian = endian
        try:
            one[tag] = entries[tag]
            one.tobytes()
            sound[tag] = one[tag]
        except _DAMAGED as error:
            damaged.append(f"tag {tag}: {error}")
    return sound


def iptc_of_resources(resources: Mapping[int, Any]) -> bytes | None:
    """The records of IIM among Photoshop's image resources, by their numbers as Pillow has them."""
    data = resources.get(_IPTC_RESOURCE)
    return data if isinstance(data, bytes) else None


def resources_of_iptc(iptc: bytes) -> bytes:
    """Photoshop's image resources that hold the records of IIM, and nothing else."""
    return b"8BIM" + struct.pack(">HHI", _IPTC_RESOURCE, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)


def _parsed(packet: bytes) -> Document:
    """Raises ValueError for what is no XMP."""
    if b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        raise ValueError("it declares entities, which XMP has none of")
    try:
        document = minidom.parseString(packet.strip(b"\0 \r\n\t"))
    except (ExpatError, ValueError, LookupError) as error:
        raise ValueError(str(error)) from error
    if not document.getElementsByTagNameNS(_RDF, "RDF"):
        raise ValueError("it holds no RDF")
    return document


def _packet(document: Document) -> bytes:
    (root,) = (node for node in document.childNodes if node.nodeType == node.ELEMENT_NODE)
    return _OPENING + root.toxml().encode() + _CLOSING


def _child(document: Document, parent: Element, namespace: str, name: str) -> Element:
    """A new last child, whose prefix is bound to its namespace whatever the packet binds it to."""
    element = document.createElementNS(namespace, name)
    element.setAttributeNS(_XMLNS, f"xmlns:{name.split(':', maxsplit=1)[0]}", namespace)
    parent.appendChild(element)
    return element


def _properties(document: Document, namespace: str, prefix: str) -> Iterator[tuple[Element, Attr | None]]:
    """Every property whose name begins so: as an attribute of an element, or as the element itself and None."""
    for element in list(document.getElementsByTagName("*")):
        for attribute in list(element.attributes.values()):
            if attribute.namespaceURI == namespace and attribute.localName.startswith(prefix):
                yield element, attribute
        if element.namespaceURI == namespace and element.localName.startswith(prefix):
            yield element, None


def _remove(document: Document, namespace: str, prefix: str) -> None:
    for element, attribute in _properties(document, namespace, prefix):
        if attribute is not None:
            element.removeAttributeNode(attribute)
        elif element.parentNode is not None:
            element.parentNode.removeChild(element)


def _set(document: Document, element: Element, attribute: Attr | None, value: str) -> None:
    if attribute is not None:
        attribute.value = value
        return
    for child in list(element.childNodes):
        element.removeChild(child)
    element.appendChild(document.createTextNode(value))


def _printable(text: str) -> str:
    """Text that XML can hold: file names may be no Unicode, or hold control characters."""
    encodable = text.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c >= " " else repr(c)[1:-1] for c in encodable)
