"""Values in files of lines NAME=value, as a shell that sources them and osls's dotenv both read them."""

from __future__ import annotations

import re
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z0-9_./:@%+,=-]*")
"""What needs no quotation marks: no shell and no dotenv takes any of it for its own."""
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED: Final = re.compile(r'\\([\\"$`])')
_REMARK: Final = re.compile(r"\s#")


def value(text: str) -> str:
    """Return the value in what stands behind ``NAME=``: quotation marks and a remark are no part of it.

    Without quotation marks all of it is the value, up to a remark: so consoles show an environment.
    """
    bare = text.strip()
    if bare.startswith("'") and (end := bare.find("'", 1)) > 0:
        return bare[1:end]
    if found := _DOUBLE.match(bare):
        return _ESCAPED.sub(r"\1", found[1])
    return _REMARK.split(text, maxsplit=1)[0].strip()


def quoted(text: str) -> str:
    """Return ``text`` as it is written behind ``NAME=``: in quotation marks where it needs them."""
    if _PLAIN.fullmatch(text):
        return text
    if "'" not in text:
        return f"'{text}'"
    return '"' + re.sub(r'[\\"$`]', r"\\\g<0>", text) + '"'
