"""COS's XML, both ways."""

from __future__ import annotations

import datetime as dt
import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Final, Union
from urllib.parse import quote
from xml.parsers import expat

from vindrop_local.bucket.errors import CosError, invalid

MAX_BODY: Final = 2 * 1024 * 1024
"""Bytes of XML that a request may carry: 10,000 parts or 1,000 keys fit."""

Node = Union[str, int, Mapping[str, "Node"], Sequence["Node"]]  # noqa: UP007 - it names itself
_UNWRITABLE: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(root: str, content: Mapping[str, Node]) -> bytes:
    """Write ``content`` under ``root``; a list repeats its element.

    :raises CosError: a key holds what XML cannot, and the client did not ask for percent-encoding.
    """
    tree = ET.Element(root)
    for name, node in content.items():
        _append(tree, name, node)
    # ET writes the declaration in single quotes, as COS does.
    return bytes(ET.tostring(tree, encoding="utf-8", xml_declaration=True))


def _append(parent: ET.Element, name: str, node: Node) -> None:
    if isinstance(node, Mapping):
        child = ET.SubElement(parent, name)
        for inner, value in node.items():
            _append(child, inner, value)
    elif isinstance(node, (str, int)):
        text = str(node)
        if _UNWRITABLE.search(text):
            raise invalid(
                "A key here holds characters that XML cannot: ask with encoding-type=url."
            )
        ET.SubElement(parent, name).text = text
    else:
        for value in node:
            _append(parent, name, value)


def read(body: bytes, root: str) -> ET.Element:
    """Parse a request's XML, its namespaces dropped.

    :raises CosError: MalformedXML. Entities are refused: no document of COS's needs them.
    """
    malformed = CosError("MalformedXML", f"The body is not the XML of {root} that COS documents.")
    try:
        _refuse_doctype(body)
        tree = ET.fromstring(body)  # noqa: S314 - no entities, and never over MAX_BODY
    except (ET.ParseError, expat.ExpatError, LookupError, ValueError):  # an unknown encoding, too
        raise malformed from None
    for element in tree.iter():
        element.tag = element.tag.rpartition("}")[2]
    if tree.tag != root:
        raise malformed
    return tree


def _refuse_doctype(body: bytes) -> None:
    """Read up to a document type, in whatever encoding, which is where entities are declared.

    :raises ValueError: there is one.
    :raises xml.parsers.expat.ExpatError: it is not XML.
    """

    def refuse(*_: object) -> None:
        raise ValueError("a document type")

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(body, True)


def time_text(seconds: float) -> str:
    """Write a time as COS's XML does: 2026-11-22T10:00:00.000Z."""
    moment = dt.datetime.fromtimestamp(seconds, dt.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def encoded(text: str, encoding: str) -> str:
    """Percent-encode ``text`` where the client asked for encoding-type=url."""
    return quote(text) if encoding == "url" else text
