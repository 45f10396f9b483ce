"""XMP packets: read, changed by the meaning of their properties, and written.

XMP is ISO 16684-1; its parts in a JPEG, "extended XMP" among them, are in the XMP Specification Part 3 (Adobe, 2020),
section 1.1.3.1. Face regions: Metadata Working Group, Guidelines 2.0, section 5.9, and Microsoft's "People Tagging".
Image regions: IPTC Photo Metadata Standard 2023.1.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.dom import minidom
from xml.parsers.expat import ExpatError

from photostyle.photo.embedded import DEPTH, EDITS, GAIN_MAP, MOTION, SECOND_PICTURE, SOUND
from photostyle.photo.orientation import Turn

if TYPE_CHECKING:
    from xml.dom.minidom import Attr, Document, Element

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XMLNS = "http://www.w3.org/2000/xmlns/"
_XML = "http://www.w3.org/XML/1998/namespace"
_EXIF, _TIFF = "http://ns.adobe.com/exif/1.0/", "http://ns.adobe.com/tiff/1.0/"
_XMP, _XMP_MM = "http://ns.adobe.com/xap/1.0/", "http://ns.adobe.com/xap/1.0/mm/"
_NOTE, _PHOTOSHOP = "http://ns.adobe.com/xmp/note/", "http://ns.adobe.com/photoshop/1.0/"
_EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
_DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
_AREAS = ("http://ns.adobe.com/xmp/sType/Area#", "http://ns.acdsee.com/sType/Area#")
_DIMENSIONS = ("http://ns.adobe.com/xap/1.0/sType/Dimensions#", "http://ns.acdsee.com/sType/Dimensions#")
_PEOPLE = "http://ns.microsoft.com/photo/1.2/t/Region#"
_IPTC_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_CAMERA = "http://ns.google.com/photos/1.0/camera/"

_ANNOUNCED = {
    "http://ns.adobe.com/hdr-gain-map/1.0/": GAIN_MAP,
    "http://ns.apple.com/HDRGainMap/1.0/": GAIN_MAP,
    "http://ns.apple.com/pixeldatainfo/1.0/": DEPTH,
    "http://ns.google.com/photos/1.0/depthmap/": DEPTH,
    "http://ns.google.com/photos/1.0/image/": SECOND_PICTURE,
    "http://ns.google.com/photos/1.0/audio/": SOUND,
    "http://ns.google.com/photos/dd/1.0/device/": DEPTH,
    "http://ns.adobe.com/camera-raw-settings/1.0/": EDITS,
    "http://ns.adobe.com/camera-raw-saved-settings/1.0/": EDITS,
    "http://darktable.sf.net/": EDITS,
    "http://www.rawtherapee.com/1.0/": EDITS,
}
"""Namespaces of properties that are true only of the file that was read, and what they announce."""
_CONTAINERS = {"http://ns.google.com/photos/1.0/container/", "http://ns.google.com/photos/1.0/container/item/"}
_ITEMS = {"GainMap": GAIN_MAP, "MotionPhoto": MOTION, "Depth": DEPTH}
"""What an item of a container is, by its semantic. Others are the primary picture, or second pictures."""
_REMOVABLE = {*_ANNOUNCED, *_CONTAINERS, _CAMERA, _NOTE}
_MOTION = ("MotionPhoto", "MicroVideo")
_DIGESTS = {(_EXIF, "NativeDigest"), (_TIFF, "NativeDigest"), (_PHOTOSHOP, "LegacyIPTCDigest")}

_EMPTY_PACKET = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"/></x:xmpmeta>'.encode()
_OPENING, _CLOSING = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n', b'\n<?xpacket end="w"?>'

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_PLACE_WORDS = {
    "gps", "geo", "lat", "latitude", "lon", "lng", "long", "longitude", "longtitude", "altitude", "location",
    "sublocation", "city", "province", "country",
}  # fmt: skip
"""Words in names of properties that say where a photo was taken. One maker does write "longtitude"."""
_PLACES = {(_PHOTOSHOP, "State"), (_DUBLIN_CORE, "coverage"), (_IPTC_EXTENSION, "WorldRegion")}
_NO_PLACES = {"SubjectLocation"}
"""A place in the picture, not in the world."""
_ADDRESS = "CiAdr"
"""What the names of the photographer's own address begin with (IPTC Core)."""


def is_place(name: str, namespace: str = "") -> bool:
    """Whether a property says where a photo was taken, from the words in its name.

    Args:
        name: without a prefix, such as "GPSLatitude" or "RelativeAltitude".
        namespace: its URI, if it has one.
    """
    if (namespace, name) in _PLACES:
        return True
    if name in _NO_PLACES or name.startswith(_ADDRESS):
        return False
    return any(word.lower() in _PLACE_WORDS for word in _WORDS.findall(name))


def upright(packet: bytes, turn: Turn, stored: tuple[int, int]) -> tuple[bytes, tuple[str, ...]]:
    """A packet that is true of the upright photo.

    The orientation becomes 1. Regions and subject areas are turned as the pixels are. What announces a part of the file
    that the result does not have is removed, as are thumbnails and edit instructions of other programs, which are
    applied to the pixels already.

    Args:
        packet: as read.
        turn: how the pixels are turned.
        stored: rows and columns as stored.

    Returns:
        The packet, and the parts of the file that it announced; see `photostyle.photo.embedded`.

    Raises:
        ValueError: it is no XMP.
    """
    document = _parsed(packet)
    announced = dict[str, None]()
    for element, attribute in _properties(document):
        node = attribute or element
        namespace, name = str(node.namespaceURI), str(node.localName)
        kinds = [_ANNOUNCED[namespace]] if namespace in _ANNOUNCED else []
        if namespace in _CONTAINERS:
            kinds = _items(element) if attribute is None else []
        motion = namespace == _CAMERA and name.startswith(_MOTION)
        if motion and _Value(element, attribute).value != "0":
            kinds = [MOTION]
        announced |= dict.fromkeys(kinds)
        thumbnail = namespace == _XMP and name.startswith("Thumbnails")
        known = namespace in _ANNOUNCED or namespace in _CONTAINERS or namespace == _NOTE
        if known or motion or thumbnail or (namespace, name) in _DIGESTS:
            _delete(element, attribute)
    for element, attribute in _named(document, _TIFF, "Orientation"):
        _set(element, attribute, "1")
    if turn != Turn():
        _turn_regions(document, turn, stored)
    _turn_sizes(document, turn, stored)
    _prune(document)
    return _packet(document), tuple(announced)


def _items(container: Element) -> list[str]:
    """What a container announces, by the semantic of its items."""
    semantics = []
    for holder in [container, *container.getElementsByTagName("*")]:
        semantics += [str(value.value) for value in holder.attributes.values() if value.localName == "Semantic"]
        semantics += [_text(holder)] if holder.localName == "Semantic" else []
    return [_ITEMS.get(name, SECOND_PICTURE) for name in semantics if name != "Primary"]


def without_places(packet: bytes) -> bytes:
    """The packet without the properties that say where the photo was taken, in any namespace.

    Raises:
        ValueError: it is no XMP.
    """
    document = _parsed(packet)
    for element, attribute in _properties(document):
        node = attribute or element
        if is_place(str(node.localName), str(node.namespaceURI)):
            _delete(element, attribute)
    _prune(document)
    return _packet(document)


def with_event(packet: bytes | None, software: str, parameters: str) -> bytes:
    """A packet whose history (xmpMM:History) says that `software` edited the photo, and how.

    It has no time: the same photos and settings give the same bytes.
    """
    document = _parsed(packet or _EMPTY_PACKET)
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
    return _packet(document)


def joined(packet: bytes, extended: bytes) -> bytes:
    """A packet with all properties of its extended part, which a JPEG stores apart.

    Raises:
        ValueError: one of them is no XMP.
    """
    document, more = _parsed(packet), _parsed(extended)
    rdf = document.getElementsByTagNameNS(_RDF, "RDF")[0]
    for description in _elements(more.getElementsByTagNameNS(_RDF, "RDF")[0]):
        rdf.appendChild(document.importNode(_declared(description), True))
    for element, attribute in _named(document, _NOTE, "HasExtendedXMP"):
        _delete(element, attribute)
    return _packet(document)


def extended_guid(packet: bytes) -> str:
    """The id of the extended part that a packet names; empty if it names none or is no XMP."""
    try:
        for element, attribute in _named(_parsed(packet), _NOTE, "HasExtendedXMP"):
            return attribute.value if attribute is not None else _text(element)
    except ValueError:
        pass
    return ""


def split(packet: bytes, most: int) -> tuple[bytes, bytes] | None:
    """A packet of at most `most` bytes, and an extended part with the properties that are too long for it.

    Returns:
        None if that is not possible.
    """
    document = _parsed(packet)
    more = _parsed(_EMPTY_PACKET)
    target = _child(more, more.getElementsByTagNameNS(_RDF, "RDF")[0], _RDF, "rdf:Description")
    target.setAttributeNS(_RDF, "rdf:about", "")
    rdf = document.getElementsByTagNameNS(_RDF, "RDF")[0]
    properties = [element for description in _elements(rdf) for element in _elements(description)]
    sizes = {id(element): len(element.toxml().encode()) for element in properties}
    excess = len(_packet(document)) + 200 - most  # the pointer to the extended part takes some bytes
    for element in sorted(properties, key=lambda each: -sizes[id(each)]):
        if excess <= 0:
            break
        excess -= sizes[id(element)]
        target.appendChild(more.importNode(_declared(element), True))
        _delete(element, None)
    extended = _root(more).toxml().encode()
    pointer = _child(document, rdf, _RDF, "rdf:Description")
    pointer.setAttributeNS(_RDF, "rdf:about", "")
    pointer.setAttributeNS(_XMLNS, "xmlns:xmpNote", _NOTE)
    pointer.setAttributeNS(_NOTE, "xmpNote:HasExtendedXMP", guid(extended))
    first = _packet(document)
    return (first, extended) if len(first) <= most else None


def guid(extended: bytes) -> str:
    """The id of an extended part: its MD5, 32 hexadecimal digits in upper case."""
    return hashlib.md5(extended, usedforsecurity=False).hexdigest().upper()


def _turn_regions(document: Document, turn: Turn, stored: tuple[int, int]) -> None:
    rows, columns = stored
    for element in _all(document):
        for namespace in _AREAS:
            area = _struct(element, namespace)
            pixels = area["unit"].value == "pixel" if "unit" in area else False
            scale = (columns, rows) if pixels else (1, 1)
            _turn_place(area, ("x", "y"), ("w", "h"), turn, scale, centred=True)
        for namespace in _DIMENSIONS:
            size = _struct(element, namespace)
            if turn.swapped and {"w", "h"} <= set(size):
                size["w"].value, size["h"].value = size["h"].value, size["w"].value
        boundary = _struct(element, _IPTC_EXTENSION)
        if "rbX" in boundary:
            pixels = "rbUnit" in boundary and boundary["rbUnit"].value == "pixel"
            scale = (columns, rows) if pixels else (1, 1)
            _turn_place(boundary, ("rbX", "rbY"), ("rbW", "rbH"), turn, scale, centred=False)
        people = _struct(element, _PEOPLE)
        if "Rectangle" in people:
            numbers = _numbers(people["Rectangle"].value)
            if len(numbers) == 4:
                people["Rectangle"].value = ", ".join(f"{v:.6f}" for v in _turned_box(numbers, turn, (1, 1)))
    for holder, attribute in _named(document, _EXIF, "SubjectArea"):
        items = list(holder.getElementsByTagNameNS(_RDF, "li")) if attribute is None else []
        numbers = _numbers(" ".join(_text(item) for item in items))
        for item, value in zip(items, turned_area(numbers, turn, stored), strict=False):
            _set(item, None, f"{value:.0f}")


def _turn_place(
    struct: dict[str, _Value],
    place: tuple[str, str],
    size: tuple[str, str],
    turn: Turn,
    scale: tuple[float, float],
    *,
    centred: bool,
) -> None:
    """Turns the place and the size in a structure. Text that is no number stays."""
    try:
        column, row = (float(struct[name].value) for name in place)
        width, height = (float(struct[name].value) if name in struct else 0.0 for name in size)
    except (KeyError, ValueError):
        return
    if centred:
        turned = turn.point(column, row, *scale)
    else:
        turned = tuple(_turned_box((column, row, width, height), turn, scale)[:2])  # type: ignore[assignment]
    for name, value in zip((*place, *size), (*turned, *turn.size(width, height)), strict=True):
        if name in struct:
            struct[name].value = f"{round(value, 7):g}" if abs(value) < 10 else f"{value:.2f}"


def _turned_box(box: tuple[float, ...], turn: Turn, scale: tuple[float, float]) -> tuple[float, float, float, float]:
    """Left, top, width and height of a box in the upright picture."""
    left, top, width, height = box
    corners = [turn.point(c, r, *scale) for c, r in ((left, top), (left + width, top + height))]
    columns, rows = zip(*corners, strict=True)
    return min(columns), min(rows), *turn.size(width, height)


def turned_area(numbers: tuple[float, ...], turn: Turn, stored: tuple[int, int]) -> tuple[float, ...]:
    """EXIF's subject area in the upright picture: a point, a circle with its diameter, or the centre and size of a box.

    Args:
        numbers: 2, 3 or 4 numbers, in pixels; others are returned as they are.
        turn: how the pixels are turned.
        stored: rows and columns as stored.
    """
    if len(numbers) not in (2, 3, 4):
        return numbers
    rows, columns = stored
    centre = turn.point(numbers[0], numbers[1], columns - 1, rows - 1)
    rest = turn.size(numbers[2], numbers[3]) if len(numbers) == 4 else numbers[2:]
    return (*centre, *rest)


def _turn_sizes(document: Document, turn: Turn, stored: tuple[int, int]) -> None:
    height, width = stored[::-1] if turn.swapped else stored
    for namespace, name, value in (
        (_TIFF, "ImageWidth", width), (_TIFF, "ImageLength", height),
        (_EXIF, "PixelXDimension", width), (_EXIF, "PixelYDimension", height),
    ):  # fmt: skip
        for element, attribute in _named(document, namespace, name):
            _set(element, attribute, str(value))


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in re.split(r"[,\s]+", text.strip()))
    except ValueError:
        return ()


class _Value:
    """A simple value: of an attribute, or of an element."""

    def __init__(self, element: Element, attribute: Attr | None) -> None:
        self.element, self.attribute = element, attribute

    @property
    def value(self) -> str:
        return str(self.attribute.value) if self.attribute is not None else _text(self.element)

    @value.setter
    def value(self, value: str) -> None:
        _set(self.element, self.attribute, value)


def _struct(element: Element, namespace: str) -> dict[str, _Value]:
    """The fields of a structure in one namespace: attributes of an element, or elements in it."""
    found = {}
    for attribute in element.attributes.values():
        if attribute.namespaceURI == namespace:
            found[str(attribute.localName)] = _Value(element, attribute)
    for child in _elements(element):
        if child.namespaceURI == namespace and not _elements(child):
            found[str(child.localName)] = _Value(child, None)
    return found


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
    return _OPENING + _root(document).toxml().encode() + _CLOSING


def _root(document: Document) -> Element:
    """The outermost element, which every document that was parsed has."""
    assert document.documentElement is not None
    return document.documentElement


def _all(document: Document) -> list[Element]:
    return list(document.getElementsByTagName("*"))


def _elements(parent: Element) -> list[Element]:
    return [node for node in parent.childNodes if node.nodeType == node.ELEMENT_NODE]


def _text(element: Element) -> str:
    return "".join(node.data for node in element.childNodes if node.nodeType == node.TEXT_NODE).strip()


def _child(document: Document, parent: Element, namespace: str, name: str) -> Element:
    """A new last child. Its prefix is bound to its namespace, whatever the packet binds it to."""
    element = document.createElementNS(namespace, name)
    element.setAttributeNS(_XMLNS, f"xmlns:{name.split(':', maxsplit=1)[0]}", namespace)
    parent.appendChild(element)
    return element


def _declared(element: Element) -> Element:
    """The element, with the declarations of all prefixes that it and its children use."""
    for node in [element, *element.getElementsByTagName("*")]:
        for named in (node, *list(node.attributes.values())):
            prefix, namespace = named.prefix, named.namespaceURI
            if prefix and namespace not in (None, _XMLNS, _XML) and not element.hasAttribute(f"xmlns:{prefix}"):
                element.setAttributeNS(_XMLNS, f"xmlns:{prefix}", namespace)
    return element


def _properties(document: Document) -> Iterator[tuple[Element, Attr | None]]:
    """Every property and field: as an attribute of an element, or as the element itself and None."""
    for element in _all(document):
        if not _is_attached(element, document):
            continue
        for attribute in list(element.attributes.values()):
            if attribute.namespaceURI and attribute.namespaceURI not in (_XMLNS, _XML, _RDF):
                yield element, attribute
        if element.namespaceURI not in (_RDF, "adobe:ns:meta/", None):
            yield element, None


def _is_attached(element: Element, document: Document) -> bool:
    node: object = element
    while node is not None and node is not document:
        node = getattr(node, "parentNode", None)
    return node is document


def _named(document: Document, namespace: str, name: str) -> list[tuple[Element, Attr | None]]:
    """Every property of this name."""
    return [
        (element, attribute)
        for element, attribute in _properties(document)
        if ((attribute or element).namespaceURI, (attribute or element).localName) == (namespace, name)
    ]


def _delete(element: Element, attribute: Attr | None) -> None:
    if attribute is not None:
        if element.getAttributeNodeNS(attribute.namespaceURI, attribute.localName) is not None:
            element.removeAttributeNode(attribute)
    elif element.parentNode is not None:
        element.parentNode.removeChild(element)


def _prune(document: Document) -> None:
    """Removes descriptions that have no property left, and declarations of prefixes that no property uses."""
    used = {str((attribute or element).namespaceURI) for element, attribute in _properties(document)}
    for element in _all(document):
        for declaration in [each for each in element.attributes.values() if each.namespaceURI == _XMLNS]:
            if declaration.value in _REMOVABLE - used:
                element.removeAttributeNode(declaration)
    for description in document.getElementsByTagNameNS(_RDF, "Description"):
        parent = description.parentNode
        bare = all(a.namespaceURI in (_XMLNS, _RDF, None) for a in description.attributes.values())
        if parent is not None and parent.localName == "RDF" and bare and not _elements(description):
            parent.removeChild(description)


def _set(element: Element, attribute: Attr | None, value: str) -> None:
    if attribute is not None:
        attribute.value = value
        return
    for child in list(element.childNodes):
        element.removeChild(child)
    text = minidom.Text()
    text.data = value
    text.ownerDocument = element.ownerDocument
    element.appendChild(text)


def _printable(text: str) -> str:
    """Text that XML can hold: file names may be no Unicode, or hold control characters."""
    encodable = text.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c >= " " else repr(c)[1:-1] for c in encodable)
