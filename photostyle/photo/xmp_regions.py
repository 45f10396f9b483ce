"""What an XMP packet says about places in the picture, turned as the pixels are.

Face regions: Metadata Working Group, Guidelines 2.0, section 5.9, and Microsoft's "People Tagging". Image regions: IPTC
Photo Metadata Standard 2023.1. Subject areas: EXIF 3.0.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from photostyle.photo.orientation import Turn
from photostyle.photo.xmp_tree import EXIF, RDF, TIFF, all_elements, elements_of, named, set_value, text_of

if TYPE_CHECKING:
    from xml.dom.minidom import Attr, Document, Element

_AREAS = ("http://ns.adobe.com/xmp/sType/Area#", "http://ns.acdsee.com/sType/Area#")
_DIMENSIONS = ("http://ns.adobe.com/xap/1.0/sType/Dimensions#", "http://ns.acdsee.com/sType/Dimensions#")
_PEOPLE = "http://ns.microsoft.com/photo/1.2/t/Region#"
_IPTC_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"


def turn_regions(document: Document, turn: Turn, stored: tuple[int, int]) -> None:
    rows, columns = stored
    for element in all_elements(document):
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
    for holder, attribute in named(document, EXIF, "SubjectArea"):
        items = list(holder.getElementsByTagNameNS(RDF, "li")) if attribute is None else []
        numbers = _numbers(" ".join(text_of(item) for item in items))
        for item, value in zip(items, turned_area(numbers, turn, stored), strict=False):
            set_value(item, None, f"{value:.0f}")


def _turn_place(
    struct: dict[str, Value],
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


def turn_sizes(document: Document, turn: Turn, stored: tuple[int, int]) -> None:
    height, width = stored[::-1] if turn.swapped else stored
    for namespace, name, value in (
        (TIFF, "ImageWidth", width), (TIFF, "ImageLength", height),
        (EXIF, "PixelXDimension", width), (EXIF, "PixelYDimension", height),
    ):  # fmt: skip
        for element, attribute in named(document, namespace, name):
            set_value(element, attribute, str(value))


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in re.split(r"[,\s]+", text.strip()))
    except ValueError:
        return ()


class Value:
    """A simple value: of an attribute, or of an element."""

    def __init__(self, element: Element, attribute: Attr | None) -> None:
        self.element, self.attribute = element, attribute

    @property
    def value(self) -> str:
        return str(self.attribute.value) if self.attribute is not None else text_of(self.element)

    @value.setter
    def value(self, value: str) -> None:
        set_value(self.element, self.attribute, value)


def _struct(element: Element, namespace: str) -> dict[str, Value]:
    """The fields of a structure in one namespace: attributes of an element, or elements in it."""
    found = {}
    for attribute in element.attributes.values():
        if attribute.namespaceURI == namespace:
            found[str(attribute.localName)] = Value(element, attribute)
    for child in elements_of(element):
        if child.namespaceURI == namespace and not elements_of(child):
            found[str(child.localName)] = Value(child, None)
    return found
