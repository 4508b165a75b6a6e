"""The console says everything in both languages, and no page or script says what is not there."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path
from typing import get_args

import pytest

from vindrop.core import life
from vindrop.core.console import Step
from vindrop.core.redrive import Result
from vindrop.domain.access_keys import ROLES
from vindrop.domain.check_digit import LAWS
from vindrop.domain.review import Reason
from vindrop.http import console
from vindrop.http.console import figures, filters, templates
from vindrop.http.problems import KINDS

ROOM = Path(console.__file__).parent
WORDS: dict[str, list[str]] = json.loads((ROOM / "words.json").read_text(encoding="utf-8"))
TEXTS = {
    path.name: path.read_text(encoding="utf-8")
    for folder in ("templates", "static")
    for path in (ROOM / folder).iterdir()
}


@pytest.mark.parametrize("name", WORDS)
def test_every_sentence_is_in_both_languages_with_the_same_places(name: str) -> None:
    english, chinese = WORDS[name]
    assert english.strip()
    assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", chinese))
    assert re.search(r"[一-鿿，。]", chinese) or english == chinese or "%" in chinese


def test_pages_and_scripts_use_words_that_are_there() -> None:
    said = re.compile(r"say\(\s*[\"'`]([\w.]+)[\"'`]\s*[,)]")
    for file, text in TEXTS.items():
        used = set(said.findall(text))
        assert used <= WORDS.keys(), file
    dynamic = {
        *(f"js.problem.{name}" for name in KINDS if name != "no-vin"),
        *(f"kind.{name}" for name in (*filters.VERDICTS, *figures.VERDICTS)),
        *(f"state.{name}" for name in filters.STATES),
        *(f"js.verdict.{name}" for name in filters.VERDICTS),
        *(f"js.redrive.{name}" for kind in get_args(Result) for name in get_args(kind)),
        *(f"js.reason.{name}" for name in get_args(Reason)),
        *(f"kind.{name}" for name in (*get_args(Reason), "dead", "waiting")),
        *(f"step.{name}" for name in get_args(Step)),
        *(f"role.{name}" for name in ROLES),
        *(f"js.country.{name}" for name, law in LAWS.items() if law.check_digit),
        *(f"detail.{name}" for name in re.findall(r'"(\w+)":', inspect.getsource(life))),
    }
    assert dynamic - WORDS.keys() == set()


def test_every_word_is_said_somewhere() -> None:
    everything = "\n".join(TEXTS.values())
    beginnings = ("kind.", "state.", "step.", "role.", "js.problem.", "js.redrive.", "js.reason.")
    more = ("js.country.", "js.verdict.", "review.why.", "upload.why.", "nav.", "age.", "detail.")
    for name in WORDS:
        whole = name.removesuffix("1")  # the words for one follow those for many
        assert name.startswith((*beginnings, *more)) or whole in everything, name


def test_of_one_no_sentence_speaks_as_of_many() -> None:
    """Every sentence with a number that counts something in English has its words for one."""
    lacking = [
        name
        for name, (english, _) in WORDS.items()
        if re.search(r"\{count\}( \w+)? (\w+s|are|wait)\b", english) and not name.endswith("1")
        if f"{name}1" not in WORDS and name not in NEVER_ONE
    ]
    assert lacking == []
    for name, (english, _) in WORDS.items():
        if name.endswith("1"):
            said = templates.say("en", name[:-1], count=1)
            assert said == english.replace("{count}", "1")
            assert said != WORDS[name[:-1]][0].replace("{count}", "1"), name


NEVER_ONE = {"review.too_long", "review.too_far"}
"""Of more than one character in any case."""


def test_a_script_says_only_what_its_page_was_given() -> None:
    """Words go to a page by their names: those of the page, and those that begin with ``js.``."""
    belongs = {
        "review.js": "review.",
        "cells.js": "review.",
        "overview.js": "overview.",
        "uploads.js": "uploads.",
        "export.js": "uploads.",
        "sign_in.js": "sign_in.",
    }
    for file, text in TEXTS.items():
        if not file.endswith(".js"):
            continue
        for name in re.findall(r"say\([\"`]([\w.]+)", text):
            assert name.startswith(("js.", belongs.get(file, "js."))), f"{file}: {name}"
