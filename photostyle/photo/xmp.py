"""XMP packets: read, changed by the meaning of their properties, and written.

XMP is ISO 16684-1; its parts in a JPEG, "extended XMP" among them, are in the XMP Specification Part 3 (Adobe, 2020),
section 1.1.3.1.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from photostyle.photo.embedded import DEPTH, EDITS, GAIN_MAP, MOTION, SECOND_PICTURE, SOUND
from photostyle.photo.orientation import Turn
from photostyle.photo.xmp_regions import Value, turn_regions, turn_sizes
from photostyle.photo.xmp_tree import (
    EXIF,
    RDF,
    TIFF,
    XMLNS,
    declared,
    delete,
    elements_of,
    named,
    new_child,
    packet_of,
    parsed,
    properties,
    prune,
    root,
    set_value,
    text_of,
)

if TYPE_CHECKING:
    from xml.dom.minidom import Element

_XMP, _XMP_MM = "http://ns.adobe.com/xap/1.0/", "http://ns.adobe.com/xap/1.0/mm/"
_NOTE, _PHOTOSHOP = "http://ns.adobe.com/xmp/note/", "http://ns.adobe.com/photoshop/1.0/"
_EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
_DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
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
_DIGESTS = {(EXIF, "NativeDigest"), (TIFF, "NativeDigest"), (_PHOTOSHOP, "LegacyIPTCDigest")}

_EMPTY_PACKET = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"/></x:xmpmeta>'.encode()

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
    document = parsed(packet)
    announced = dict[str, None]()
    for element, attribute in properties(document):
        node = attribute or element
        namespace, name = str(node.namespaceURI), str(node.localName)
        kinds = [_ANNOUNCED[namespace]] if namespace in _ANNOUNCED else []
        if namespace in _CONTAINERS:
            kinds = _items(element) if attribute is None else []
        motion = namespace == _CAMERA and name.startswith(_MOTION)
        if motion and Value(element, attribute).value != "0":
            kinds = [MOTION]
        announced |= dict.fromkeys(kinds)
        thumbnail = namespace == _XMP and name.startswith("Thumbnails")
        known = namespace in _ANNOUNCED or namespace in _CONTAINERS or namespace == _NOTE
        if known or motion or thumbnail or (namespace, name) in _DIGESTS:
            delete(element, attribute)
    for element, attribute in named(document, TIFF, "Orientation"):
        set_value(element, attribute, "1")
    if turn != Turn():
        turn_regions(document, turn, stored)
    turn_sizes(document, turn, stored)
    prune(document, _REMOVABLE)
    return packet_of(document), tuple(announced)


def _items(container: Element) -> list[str]:
    """What a container announces, by the semantic of its items."""
    semantics = []
    for holder in [container, *container.getElementsByTagName("*")]:
        semantics += [str(value.value) for value in holder.attributes.values() if value.localName == "Semantic"]
        semantics += [text_of(holder)] if holder.localName == "Semantic" else []
    return [_ITEMS.get(name, SECOND_PICTURE) for name in semantics if name != "Primary"]


def without_places(packet: bytes) -> bytes:
    """The packet without the properties that say where the photo was taken, in any namespace.

    Raises:
        ValueError: it is no XMP.
    """
    document = parsed(packet)
    for element, attribute in properties(document):
        node = attribute or element
        if is_place(str(node.localName), str(node.namespaceURI)):
            delete(element, attribute)
    prune(document, _REMOVABLE)
    return packet_of(document)


def with_event(packet: bytes | None, software: str, parameters: str) -> bytes:
    """A packet whose history (xmpMM:History) says that `software` edited the photo, and how.

    It has no time: the same photos and settings give the same bytes.
    """
    document = parsed(packet or _EMPTY_PACKET)
    history = next(iter(document.getElementsByTagNameNS(_XMP_MM, "History")), None)
    rdf = document.getElementsByTagNameNS(RDF, "RDF")[0]
    if history is None:
        description = new_child(document, rdf, RDF, "rdf:Description")
        description.setAttributeNS(RDF, "rdf:about", "")
        history = new_child(document, description, _XMP_MM, "xmpMM:History")
    events = next(iter(history.getElementsByTagNameNS(RDF, "Seq")), None)
    if events is None:
        events = new_child(document, history, RDF, "rdf:Seq")
    event = new_child(document, events, RDF, "rdf:li")
    event.setAttributeNS(XMLNS, "xmlns:stEvt", _EVENT)
    event.setAttributeNS(RDF, "rdf:parseType", "Resource")
    for name, value in (("action", "edited"), ("softwareAgent", software), ("parameters", parameters)):
        element = document.createElementNS(_EVENT, f"stEvt:{name}")
        element.appendChild(document.createTextNode(_printable(value)))
        event.appendChild(element)
    return packet_of(document)


def joined(packet: bytes, extended: bytes) -> bytes:
    """A packet with all properties of its extended part, which a JPEG stores apart.

    Raises:
        ValueError: one of them is no XMP.
    """
    document, more = parsed(packet), parsed(extended)
    rdf = document.getElementsByTagNameNS(RDF, "RDF")[0]
    for description in elements_of(more.getElementsByTagNameNS(RDF, "RDF")[0]):
        rdf.appendChild(document.importNode(declared(description), True))
    for element, attribute in named(document, _NOTE, "HasExtendedXMP"):
        delete(element, attribute)
    return packet_of(document)


def extended_guid(packet: bytes) -> str:
    """The id of the extended part that a packet names; empty if it names none or is no XMP."""
    try:
        for element, attribute in named(parsed(packet), _NOTE, "HasExtendedXMP"):
            return attribute.value if attribute is not None else text_of(element)
    except ValueError:
        pass
    return ""


def split(packet: bytes, most: int) -> tuple[bytes, bytes] | None:
    """A packet of at most `most` bytes, and an extended part with the properties that are too long for it.

    Returns:
        None if that is not possible.
    """
    document = parsed(packet)
    more = parsed(_EMPTY_PACKET)
    target = new_child(more, more.getElementsByTagNameNS(RDF, "RDF")[0], RDF, "rdf:Description")
    target.setAttributeNS(RDF, "rdf:about", "")
    rdf = document.getElementsByTagNameNS(RDF, "RDF")[0]
    properties = [element for description in elements_of(rdf) for element in elements_of(description)]
    sizes = {id(element): len(element.toxml().encode()) for element in properties}
    excess = len(packet_of(document)) + 200 - most  # the pointer to the extended part takes some bytes
    for element in sorted(properties, key=lambda each: -sizes[id(each)]):
        if excess <= 0:
            break
        excess -= sizes[id(element)]
        target.appendChild(more.importNode(declared(element), True))
        delete(element, None)
    extended = root(more).toxml().encode()
    pointer = new_child(document, rdf, RDF, "rdf:Description")
    pointer.setAttributeNS(RDF, "rdf:about", "")
    pointer.setAttributeNS(XMLNS, "xmlns:xmpNote", _NOTE)
    pointer.setAttributeNS(_NOTE, "xmpNote:HasExtendedXMP", guid(extended))
    first = packet_of(document)
    return (first, extended) if len(first) <= most else None


def guid(extended: bytes) -> str:
    """The id of an extended part: its MD5, 32 hexadecimal digits in upper case."""
    return hashlib.md5(extended, usedforsecurity=False).hexdigest().upper()


def _printable(text: str) -> str:
    """Text that XML can hold: file names may be no Unicode, or hold control characters."""
    encodable = text.encode("utf-8", "backslashreplace").decode()
    return "".join(c if c >= " " else repr(c)[1:-1] for c in encodable)
