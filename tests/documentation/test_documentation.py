"""The papers: every page is reachable, what a reader copies works, both languages say the same."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
import yaml
from typer.testing import CliRunner

from documentation import check, reference, stage, translations
from vindrop_local.cli import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    page
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
    if "node_modules" not in page.parts
]
BLOCK = re.compile(r"^ {0,4}```(\w*)\n(.*?)^ {0,4}```$", re.MULTILINE | re.DOTALL)


def blocks(*languages: str) -> Iterator[tuple[str, str, str]]:
    """Yield page, language and text of each block in one of ``languages``."""
    for page in PAGES:
        for language, text in BLOCK.findall(page.read_text(encoding="utf-8")):
            if language in languages:
                yield f"{page.relative_to(ROOT)}", language, text


def test_every_page_is_in_the_navigation() -> None:
    for language in stage.LANGUAGES:
        folder = ROOT / "docs" if language == "en" else ROOT / "docs" / language
        config = (ROOT / "tools" / "documentation" / f"{language}.toml").read_text("utf-8")
        named = set(re.findall(r'"([\w/.-]+\.md)"', config))
        there = {
            page.relative_to(folder).as_posix()
            for page in folder.rglob("*.md")
            if "zh" not in page.relative_to(folder).parts
        }
        if language == "en":
            there |= {*stage.OF_THE_ROOT.values()}
        hidden = {page for page in there if page.startswith("decisions/0")}  # listed by README.md
        assert there - hidden == {n for n in named if not n.startswith("reference/")}


def test_links_between_pages_lead_somewhere() -> None:
    """The built site is checked by `make docs`; here are the pages as the repository shows them."""
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            path = target.partition("#")[0]
            if path and not re.match(r"[a-z]+:", path):
                assert (page.parent / path).exists(), f"{page.name}: {target}"


def test_a_chinese_page_says_which_of_its_links_are_english() -> None:
    """Behind each link, or once before a list of them."""
    unmarked = []
    for page in PAGES:
        if "zh" not in page.relative_to(ROOT).parts and page.name != "README.zh-CN.md":
            continue
        for line in page.read_text(encoding="utf-8").splitlines():
            if line.startswith(("英文页面：", "[English](")):
                continue
            for target, behind in re.findall(r"\]\(([^)\s]+\.md)(?:#[^)]*)?\)(.{0,3})", line):
                path = (page.parent / target).resolve()
                english = path.parent.name != "zh" and path.name != "README.zh-CN.md"
                if "://" not in target and english and behind != "（英文":
                    unmarked.append(f"{page.name}: {target}")
    assert unmarked == []


def test_blocks_that_are_data_can_be_read() -> None:
    found = 0
    for page, language, text in blocks("json", "yaml", "python"):
        found += 1
        try:
            if language == "json":
                json.loads(re.sub(r"…", "", text))
            elif language == "python":
                ast.parse(text)
            else:
                yaml.safe_load(text)
        except (ValueError, SyntaxError, yaml.YAMLError) as error:
            pytest.fail(f"{page}: {error}")
    assert found >= 3


def test_log_events_that_the_papers_name_are_written() -> None:
    """Whoever searches the log at three in the morning must find the line."""
    said = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    named = set(re.findall(r'(?:event = |SCF_Message:)"(\w+)"', said))
    for phrase in re.findall(r"(?:log events?|its log:|the log has) ((?:`\w+`[^`|]{0,40})+)", said):
        named.update(re.findall(r"`([a-z]+_[a-z_]+|backlog)`", phrase))
    named -= {"oldest_seconds", "circuit_open"}  # fields, told behind their event
    code = "".join(
        file.read_text(encoding="utf-8")
        for folder in ("layers/vindrop/vindrop", "functions/vinocr/vinocr")
        for file in (ROOT / folder).rglob("*.py")
    )
    assert len(named) >= 8, named
    assert {name for name in named if f'"{name}"' not in code} == set()


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every `vindrop` command line of the papers."""
    for page, _, text in blocks("sh", "console"):
        for line in text.replace("\\\n", " ").splitlines():
            bare = line.strip().removeprefix("$ ")
            found = re.search(r"(?:^|[ /])vindrop ([a-z].*)", bare.partition(" #")[0])
            if found and not bare.startswith(("pip", "git", "cd", "#")):
                words = found[1].partition(" | ")[0].partition(" && ")[0].partition(" > ")[0]
                yield f"{page}: {bare}", shlex.split(words)


@pytest.mark.parametrize(("where", "words"), [pytest.param(w, c, id=w) for w, c in commands()])
def test_commands_of_the_papers_exist_with_their_options(where: str, words: list[str]) -> None:
    command = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]  # type: ignore[attr-defined]
    assert not hasattr(command, "commands") or not words, f"{where}: no such command"
    if command.name == "vinocr":
        return
    options = {name for each in command.params for name in each.opts} | {"-h", "--help"}
    used = {word.partition("=")[0] for word in words if word.startswith("-") and len(word) > 1}
    assert used <= options, where


def test_reference_pages_hold_every_record_code_and_command(tmp_path: Path) -> None:
    reference.write(tmp_path)
    from vindrop.domain.error_codes import TABLE
    from vindrop.domain.records import TYPES

    records = (tmp_path / "records.md").read_text(encoding="utf-8")
    assert all(f"## `{name}`" in records for name in TYPES)
    assert "VinOCR's answer, word for word." in records
    codes = (tmp_path / "error-codes.md").read_text(encoding="utf-8")
    assert all(f"| `{code}` |" in codes for code in TABLE)
    listed = (tmp_path / "command-line.md").read_text(encoding="utf-8")
    for name in typer.main.get_command(app).commands:  # type: ignore[attr-defined]
        assert name == "vinocr" or f"## `vindrop {name}`" in listed


def test_what_is_wrong_with_a_site_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<h1 id="top"></h1><a href="#top">x</a><a href="b.html#here">x</a>'
        '<a href="https://example.com/">x</a><img src="data:,">'
    )
    (tmp_path / "b.html").write_text('<p id="here"><a href="a.html">x</a><a href="./">up</a>')
    (tmp_path / "index.html").write_text("")
    assert list(check.faults(tmp_path)) == []
    (tmp_path / "b.html").write_text(
        '<script src="https://cdn.example/x.js"></script><a href="gone.html">x</a>'
        '<a href="a.html#nowhere">x</a><link href="//fonts.example/a.css" rel="stylesheet">'
    )
    assert len(list(check.faults(tmp_path))) == 5


def test_both_languages_say_the_same() -> None:
    assert list(translations.faults()) == []


def test_a_change_on_one_side_alone_is_found(tmp_path: Path) -> None:
    for page, source in translations.TRANSLATED.items():
        text = "# A\n\n`VINDROP_RATE`\n\n| a |\n|---|\n"
        if page == translations.GENERATED:
            text = (ROOT / source).read_text(encoding="utf-8")
        for each in (page, source):
            (tmp_path / each).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / each).write_text(text, encoding="utf-8")
        translations.mark(page, tmp_path)
    assert list(translations.faults(tmp_path)) == []
    for change in ("more\n", "## B\n", "```sh\nls\n```\n", "| b |\n", "`VINDROP_BURST`\n"):
        english = tmp_path / "docs" / "operations.md"
        before = english.read_text(encoding="utf-8")
        english.write_text(before + change, encoding="utf-8")
        assert any("docs/zh/operations.md" in fault for fault in translations.faults(tmp_path))
        english.write_text(before, encoding="utf-8")
        chinese = tmp_path / "docs" / "zh" / "operations.md"
        before = chinese.read_text(encoding="utf-8")
        if change != "more\n":  # words may be changed on the Chinese side alone
            chinese.write_text(before + change, encoding="utf-8")
            assert list(translations.faults(tmp_path))
            chinese.write_text(before, encoding="utf-8")


def test_help_shows_no_page_twice() -> None:
    listed = CliRunner().invoke(app, ["help"]).stdout.splitlines()
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "zh").glob("*.md")), ids=lambda p: p.name)
def test_a_chinese_page_links_to_no_heading_in_chinese(page: Path) -> None:
    """The site's builder gives such headings a number, so the link is dead, and `make docs` fails."""
    links = re.findall(r"\]\([^)#\s]*#([^)]*)\)", page.read_text(encoding="utf-8"))
    assert [each for each in links if not each.isascii()] == []
