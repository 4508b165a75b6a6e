"""The list of what `make test` leaves out (tests/thorough.py) names tests that there are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from tests import thorough

ROOT = thorough.LIST.parent.parent
NAMES = thorough.listed(thorough.LIST.read_text(encoding="utf-8"))


def test_every_name_is_a_test() -> None:
    gone = []
    for name in NAMES:
        path, _, function = name.partition("::")
        file = ROOT / path
        if not file.is_file() or f"def {function}(" not in file.read_text(encoding="utf-8"):
            gone.append(name)
    assert gone == [], "rename it in tests/thorough.txt, too"


def test_of_variants_the_first_stays() -> None:
    starred = next(name for name, star in NAMES.items() if star)
    plain = next(name for name, star in NAMES.items() if not star)
    marked: list[str] = []

    def item(name: str, variant: str) -> Any:
        path, _, function = name.partition("::")
        return SimpleNamespace(
            path=ROOT / path,
            name=function,
            originalname=function,
            add_marker=lambda _: marked.append(f"{name}[{variant}]"),
        )

    other = item("tests/test_thorough.py::test_of_variants_the_first_stays", "x")
    thorough.mark([other, *(item(n, v) for n in (starred, plain) for v in "ab")], ROOT)
    assert marked == [f"{starred}[b]", f"{plain}[a]", f"{plain}[b]"]
