"""Foreign text for people: shown as it is, and obeyed by no terminal and no spreadsheet.

A key is a stranger's text. Terminals obey escape sequences in it (the clipboard, the title, links) and
turn its direction about; spreadsheets calculate what begins like a formula.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_FORMULA: Final = frozenset("=+-@＝＋－＠|%")
_OBEYED: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))
"""Unicode's general categories: controls, formats (bidirectional ones too), halves of surrogates …"""


def shown(text: object, *, keep: str = "") -> str:
    r"""Return ``text`` with each character that a terminal acts upon written out: ``\x1b``, ``\u202e``.

    :param keep: characters that stay all the same.
    """
    said = str(text)
    if said.isprintable():
        return said
    return "".join(
        _written(each) if each not in keep and unicodedata.category(each) in _OBEYED else each
        for each in said
    )


def spreadsheet_cell(text: object) -> str:
    """Return a cell of CSV or XLSX that no spreadsheet takes for a formula, control characters shown.

    Excel, LibreOffice and Google Sheets calculate what begins with one of ``= + - @`` or the wide
    forms of them (OWASP, CSV injection): an apostrophe ahead makes it text. Tabs and line ends, which
    could begin a cell of their own, are written out. A semicolon does where the system's list
    separator is one, in quotation marks or not: what follows it is text, too.
    """
    cells = shown(text).split(";")
    return ";".join(f"'{each}" if _is_formula(each) else each for each in cells)


def _is_formula(cell: str) -> bool:
    return cell.lstrip(" \"'\u00a0\u3000")[:1] in _FORMULA if cell.strip() else False


def _written(character: str) -> str:
    code = ord(character)
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character)
    return short or (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )
