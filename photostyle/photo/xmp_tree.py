"""XMP packets as trees of XML: parsed, searched, changed and written."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING
from xml.dom import minidom
from xml.parsers.expat import ExpatError

if TYPE_CHECKING:
    from xml.dom.minidom import Attr, Document, Element

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMLNS = "http://www.w3.org/2000/xmlns/"
XML = "http://www.w3.org/XML/1998/namespace"
EXIF, TIFF = "http://ns.adobe.com/exif/1.0/", "http://ns.adobe.com/tiff/1.0/"

_OPENING, _CLOSING = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n', b'\n<?xpacket end="w"?>'


def parsed(packet: bytes) -> Document:
    """Raises ValueError for what is no XMP."""
    if b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        raise ValueError("it declares entities, which XMP has none of")
    try:
        document = minidom.parseString(packet.strip(b"\0 \r\n\t"))
    except (ExpatError, ValueError, LookupError) as error:
        raise ValueError(str(error)) from error
    if not document.getElementsByTagNameNS(RDF, "RDF"):
        raise ValueError("it holds no RDF")
    return document


def packet_of(document: Document) -> bytes:
    return _OPENING + root(document).toxml().encode() + _CLOSING


def root(document: Document) -> Element:
    """The outermost element, which every document that was parsed has."""
    assert document.documentElement is not None
    return document.documentElement


def all_elements(document: Document) -> list[Element]:
    return list(document.getElementsByTagName("*"))


def elements_of(parent: Element) -> list[Element]:
    return [node for node in parent.childNodes if node.nodeType == node.ELEMENT_NODE]


def text_of(element: Element) -> str:
    return "".join(node.data for node in element.childNodes if node.nodeType == node.TEXT_NODE).strip()


def new_child(document: Document, parent: Element, namespace: str, name: str) -> Element:
    """A new last child. Its prefix is bound to its namespace, whatever the packet binds it to."""
    element = document.createElementNS(namespace, name)
    element.setAttributeNS(XMLNS, f"xmlns:{name.split(':', maxsplit=1)[0]}", namespace)
    parent.appendChild(element)
    return element


def declared(element: Element) -> Element:
    """The element, with the declarations of all prefixes that it and its children use."""
    for node in [element, *element.getElementsByTagName("*")]:
        for named in (node, *list(node.attributes.values())):
            prefix, namespace = named.prefix, named.namespaceURI
            if prefix and namespace not in (None, XMLNS, XML) and not element.hasAttribute(f"xmlns:{prefix}"):
                element.setAttributeNS(XMLNS, f"xmlns:{prefix}", namespace)
    return element


def properties(document: Document) -> Iterator[tuple[Element, Attr | None]]:
    """Every property and field: as an attribute of an element, or as the element itself and None."""
    for element in all_elements(document):
        if not _is_attached(element, document):
            continue
        for attribute in list(element.attributes.values()):
            if attribute.namespaceURI and attribute.namespaceURI not in (XMLNS, XML, RDF):
                yield element, attribute
        if element.namespaceURI not in (RDF, "adobe:ns:meta/", None):
            yield element, None


def _is_attached(element: Element, document: Document) -> bool:
    node: object = element
    while node is not None and node is not document:
        node = getattr(node, "parentNode", None)
    return node is document


def named(document: Document, namespace: str, name: str) -> list[tuple[Element, Attr | None]]:
    """Every property of this name."""
    return [
        (element, attribute)
        for element, attribute in properties(document)
        if ((attribute or element).namespaceURI, (attribute or element).localName) == (namespace, name)
    ]


def delete(element: Element, attribute: Attr | None) -> None:
    if attribute is not None:
        if element.getAttributeNodeNS(attribute.namespaceURI, attribute.localName) is not None:
            element.removeAttributeNode(attribute)
    elif element.parentNode is not None:
        element.parentNode.removeChild(element)


def prune(document: Document, removable: Collection[str] = ()) -> None:
    """Removes descriptions that have no property left.

    Args:
        removable: namespaces whose declarations go, too, unless a property is in them.
    """
    used = {str((attribute or element).namespaceURI) for element, attribute in properties(document)}
    for element in all_elements(document):
        for declaration in [each for each in element.attributes.values() if each.namespaceURI == XMLNS]:
            if declaration.value in removable and declaration.value not in used:
                element.removeAttributeNode(declaration)
    for description in document.getElementsByTagNameNS(RDF, "Description"):
        parent = description.parentNode
        bare = all(a.namespaceURI in (XMLNS, RDF, None) for a in description.attributes.values())
        if parent is not None and parent.localName == "RDF" and bare and not elements_of(description):
            parent.removeChild(description)


def set_value(element: Element, attribute: Attr | None, value: str) -> None:
    if attribute is not None:
        attribute.value = value
        return
    for child in list(element.childNodes):
        element.removeChild(child)
    text = minidom.Text()
    text.data = value
    text.ownerDocument = element.ownerDocument
    element.appendChild(text)
