"""One Chinese word for one thing, and punctuation as Chinese is printed, wherever a reader looks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HTTP = ROOT / "layers" / "vindrop" / "vindrop" / "http"
CHINESE = "\u4e00-\u9fff"
HALF = re.compile(rf"[{CHINESE}][,;:!?]|[,;:!?()][{CHINESE}]|[{CHINESE}][()]")
"""Punctuation of the Latin script beside a Chinese character."""
GAPS = re.compile(
    rf"[{CHINESE}] ?…(?!…)(?<!……)|[，。；：、] (?!\|)|(?<!\|) [，。；：、）]|\d ?(?:s|min|h|d) [前后内{{]"
)
"""A single ellipsis, a blank beside full-width punctuation, an English unit in a Chinese phrase."""


def glossary() -> list[tuple[str, str]]:
    """Return (the word not to use, its row) of the table in CONTRIBUTING.md."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.partition("## Chinese words\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [(word.strip(), row) for row in rows for word in row.split("|")[3].split(",")]


def sources() -> Iterator[tuple[str, str]]:
    """Yield (where, what a Chinese reader is shown there)."""
    for page in (ROOT / "README.zh-CN.md", *sorted((ROOT / "docs" / "zh").glob("*.md"))):
        prose = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for number, line in enumerate(prose.splitlines()):
            yield f"{page.name}:{number}", line
    for file in ("local/vindrop_local/zh.tsv", "layers/vindrop/vindrop/domain/zh.tsv"):
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
            if not line.startswith("#") and "\t" in line:
                yield f"{file}: {line.partition(chr(9))[0][:40]}", line.partition("\t")[2]
    for words in (HTTP / "console" / "words.json", HTTP / "page" / "words.json"):
        yield from _strings(words.parent.name, json.loads(words.read_text(encoding="utf-8")))
    yield "index.html", (HTTP / "page" / "index.html").read_text(encoding="utf-8")


def _strings(where: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _strings(f"{where}.{name}", each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(where, each)


def faults(text: str) -> Iterator[str]:
    """Yield what is wrong with a text: words of the glossary's last column, punctuation."""
    for word, row in glossary():
        if re.search(rf"(?<!俗称){word}", text):
            yield f"{word}: {row}"
    bare = re.sub(r"`[^`]*`|\]\([^)]*\)|https?://\S+", "x", text)  # code and links are no prose
    yield from (f"punctuation: {each[0]}" for each in HALF.finditer(bare))
    yield from (f"gap: {each[0]!r}" for each in GAPS.finditer(bare))


def test_the_glossary_is_read() -> None:
    words = [word for word, _ in glossary()]
    assert "车架号" in words
    assert all(re.fullmatch(rf"[{CHINESE}]+", word) for word in words), words


def test_each_thing_has_one_word_and_full_width_punctuation() -> None:
    found = [(where, fault, text[:80]) for where, text in sources() for fault in faults(text)]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "车架号",
        "没有账本",
        "完成,请看",
        "无法读取(照片)",
        "最早 74 s 前",
        "正在识别 …",
        "好， 请",
        "照片已存。 请",
    ],
)
def test_a_fault_is_seen(text: str) -> None:
    assert list(faults(text))


@pytest.mark.parametrize(
    "text",
    [
        "VIN（俗称车架号）",
        "最早的在 74 秒前",
        "正在识别……",
        "运行 `vindrop vin (x)`，然后",
        "第 3 位：{}",
    ],
)
def test_good_chinese_passes(text: str) -> None:
    assert list(faults(text)) == []
