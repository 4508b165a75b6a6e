"""The Chinese pages are kept in step with the English ones.

Each begins with a comment that names its English page and the hash of the text it was translated
from. `faults` finds pages whose English side changed alone, and pages that differ in what both must
have: headings, code blocks, rows of tables, links, images.

    PYTHONPATH=tools python -m documentation.translations              what is out of step
    PYTHONPATH=tools python -m documentation.translations --mark PAGE  after the page was brought up to date
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
TRANSLATED: Final = {
    "README.zh-CN.md": "README.md",
    **{
        f"docs/zh/{name}": f"docs/{name}"
        for name in (
            "index.md",
            "tutorial.md",
            "operations.md",
            "deploy-tencent.md",
            "deploy-aws.md",
            "settings.md",
        )
    },
}
"""Chinese page → its English page, paths from the repository's root."""
GENERATED: Final = "docs/zh/settings.md"
"""The Chinese page that is made, as its English one is; `--mark` makes it anew."""
_MARK: Final = re.compile(r"^<!-- translation of (\S{1,100}) sha256:([0-9a-f]{64}) -->\n")


def faults(root: Path = ROOT) -> Iterator[str]:
    """Yield what is out of step, a line each, with what to do."""
    for page, source in TRANSLATED.items():
        if not (root / page).is_file():
            yield f"{page} is missing: translate {source}"
            continue
        text = (root / page).read_text(encoding="utf-8")
        english = (root / source).read_text(encoding="utf-8")
        mark = _MARK.match(text)
        if mark is None or mark[1] != source:
            yield f"{page} does not begin with the mark of {source}: run --mark {page}"
        elif page == GENERATED and text[mark.end() :] != made():
            yield f"{page} is not what the command line says: run --mark {page}"
        elif mark[2] != digest(english):
            yield (
                f"{source} changed since {page} was translated: bring {page} up to date, "
                f"then run --mark {page}"
            )
        for what, ours, theirs in _differences(text[mark.end() if mark else 0 :], english):
            yield f"{page}: {what} differ from {source}: {ours} here, {theirs} there"


def made() -> str:
    """Return the page of settings: its sentences are those of the command line."""
    from vindrop_local import language
    from vindrop_local.commands.settings import chinese_page

    language.choose(["--lang", "zh"])
    try:
        return chinese_page()
    finally:
        language.choose(["--lang", "en"])


def digest(text: str) -> str:
    """Return the hash that a mark holds."""
    return hashlib.sha256(text.encode()).hexdigest()


def mark(page: str, root: Path = ROOT) -> None:
    """Say that ``page`` is up to date with its English page."""
    source = TRANSLATED[page]
    text = _MARK.sub("", (root / page).read_text(encoding="utf-8"), count=1)
    if page == GENERATED:
        text = made()
    english = (root / source).read_text(encoding="utf-8")
    head = f"<!-- translation of {source} sha256:{digest(english)} -->\n"
    (root / page).write_text(head + text, encoding="utf-8")


def _differences(ours: str, theirs: str) -> Iterator[tuple[str, object, object]]:
    for what, found in (
        ("headings (their levels)", _headings),
        ("code blocks (their languages)", _blocks),
        ("rows of tables", _rows),
        ("names in `code`", _names),
    ):
        a, b = found(ours), found(theirs)
        if a != b:
            yield what, _short(a, b), _short(b, a)


def _prose(text: str) -> Iterator[str]:
    """Yield the lines that are not inside a code block."""
    inside = False
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            inside = not inside
        elif not inside:
            yield line


def _headings(text: str) -> list[int]:
    return [len(line) - len(line.lstrip("#")) for line in _prose(text) if line.startswith("#")]


def _blocks(text: str) -> list[str]:
    marks = [line.strip() for line in text.splitlines() if line.lstrip().startswith("```")]
    return marks[::2]


def _rows(text: str) -> int:
    return sum(line.startswith("|") for line in _prose(text))


def _names(text: str) -> list[str]:
    """Return variables, codes and commands: what a reader copies must be the same on both sides."""
    found = re.findall(r"`([^`\n]{1,200})`", "\n".join(_prose(text)))
    return sorted(
        each for each in found if re.fullmatch(r"[A-Z]\w+(?:\.\w+)*|vindrop [a-z -]+", each)
    )


def _short(ours: object, theirs: object) -> object:
    if isinstance(ours, list) and isinstance(theirs, list):
        left = list(ours)
        for each in theirs:
            if each in left:
                left.remove(each)
        return left[:5] or len(ours)
    return ours


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit status is 1 where something is out of step."""
    parser = argparse.ArgumentParser(prog="python -m documentation.translations")
    parser.add_argument("--mark", action="append", default=[], choices=sorted(TRANSLATED))
    for page in parser.parse_args(arguments).mark:
        mark(page)
    found = list(faults())
    sys.stderr.writelines(f"{fault}\n" for fault in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
