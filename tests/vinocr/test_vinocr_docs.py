"""docs/vinocr.md says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from vinocr import settings
from vinocr.api.accounts import Accounts
from vinocr.api.codes import MESSAGES, Language
from vinocr.api.faults import FaultFile


@pytest.fixture(scope="module")
def page(root: Path) -> str:
    return (root / "docs" / "vinocr.md").read_text(encoding="utf-8")


def test_every_setting_is_on_the_page_with_its_default(page: str) -> None:
    for name, default, about in settings.defaults():
        shown = f"`{default}`" if default else ""
        assert f"| `{name}` | {shown} | {about} |" in page


def test_every_code_is_on_the_page(page: str) -> None:
    for code in MESSAGES:
        assert re.search(
            rf"(?<![\w.]){re.escape(code)}\b|\.{re.escape(code.rpartition('.')[2])}\b|/ {re.escape(code.rpartition('.')[2])}\b",
            page,
        ), code


def test_the_examples_are_accepted(page: str) -> None:
    example = re.search(r"```json\n(.*?)```", page, re.DOTALL)
    assert example is not None
    assert len(FaultFile.model_validate_json(example[1]).faults) == 4
    tomllib = pytest.importorskip("tomllib", reason="TOML needs Python 3.11")
    example = re.search(r"```toml\n(.*?)```", page, re.DOTALL)
    assert example is not None
    document = tomllib.loads(example[1].replace('"AKID…"', '"AKID1"', 1).replace("AKID…", "AKID2"))
    assert Accounts.model_validate(document).accounts[0].rate == 10


def test_messages_in_both_languages_have_the_same_placeholders() -> None:
    for code, words in MESSAGES.items():
        names = [set(re.findall(r"\{(\w+)\}", words.in_language(x))) for x in Language]
        assert names[1] <= names[0], code
        assert words.english != words.chinese
