"""Chinese: every sentence has its translation; what programs read stays English."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from documentation import sentences, translations
from tests.commands import vindrop
from vindrop.domain.error_codes import TABLE
from vindrop.domain.translation import LONGEST, Catalogue, chinese
from vindrop.http.language import prefers_chinese
from vindrop.http.problems import KINDS, ProblemError
from vindrop_local import language
from vindrop_local.language import wrapped
from vinocr.api.codes import MESSAGES

ROOT = Path(__file__).resolve().parents[2]


def test_every_sentence_has_a_translation() -> None:
    assert list(sentences.missing()) == []


@pytest.mark.parametrize("name", KINDS)
def test_every_problem_is_told_in_chinese(name: str) -> None:
    document: dict[str, Any] = json.loads(ProblemError(name).response(chinese=True).body)
    assert not document["title"].isascii()
    assert not document["detail"] or not document["detail"].isascii()
    assert document["type"].endswith(name)


def test_what_differs_is_put_into_its_place() -> None:
    told = chinese().translate
    assert told("the image claims 9 x 70000 pixels, and no side may have more than 65535") == (
        "图片声称为 9 x 70000 像素，而任一边不得超过 65535"
    )
    assert told("VINDROP_RATE is 0: takes host") == "VINDROP_RATE 为 0：takes host"
    assert told("a sentence that nobody translated") == "a sentence that nobody translated"
    # A sentence in a sentence; a single word may be a name, and stays.
    assert (
        told("the event names no object: the body is no JSON") == "事件没有指明对象：正文不是 JSON"
    )


def test_a_catalogue_that_is_wrong_is_refused() -> None:
    with pytest.raises(ValueError, match="no tab"):
        Catalogue(["a sentence alone"])
    with pytest.raises(ValueError, match="a place that is not there"):
        Catalogue(["one {}\t一 {} {}"])
    assert Catalogue(["{} of {}\t{1} 中的 {0}"]).translate("2 of 3") == "3 中的 2"


@pytest.mark.parametrize("piece", ["{}: ", "a of b, ", ": ", "is out of reach: ", "\u0000", "%"])
def test_hostile_text_ends(piece: str) -> None:
    text = (piece * LONGEST)[:LONGEST]
    chinese().translate(text)
    assert chinese().translate(text + "x") == text + "x"


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("zh-CN,zh;q=0.9,en;q=0.8", True),
        ("zh", True),
        ("en-US,en;q=0.9,zh;q=0.8", False),
        ("de,zh;q=0.5", True),
        ("de", False),
        ("", False),
        ("*", False),
        ("zh;q=0", False),
        ("zh;q=x, en;q=0.1", False),
        (",;,zh-Hans-CN;q=0.4", True),
        ("en," * 100 + "zh", False),
    ],
)
def test_accept_language(header: str, wanted: bool) -> None:
    assert prefers_chinese({"accept-language": header}) is wanted


@pytest.mark.parametrize("environment", [{"LANG": "zh_CN.UTF-8"}, {"VINDROP_LANG": "zh"}])
def test_the_locale_chooses(environment: dict[str, str], tmp_path: Path) -> None:
    empty = {"LC_ALL": "", "LC_MESSAGES": "", "PYTHONUTF8": "1"}
    done = vindrop("vin", "--help", cwd=tmp_path, **(empty | environment))
    assert "解释 VIN" in done.stdout
    assert "选项" in done.stdout
    english = vindrop("--lang", "en", "vin", "-h", cwd=tmp_path, **(empty | environment))
    assert "Explain VINs" in english.stdout


def test_errors_tables_and_slips_in_chinese(tmp_path: Path) -> None:
    utf8 = {"PYTHONUTF8": "1"}
    done = vindrop("--lang", "zh", "vin", "1M8GDM9AXKP042788", cwd=tmp_path, **utf8)
    assert "校验位" in done.stdout
    assert done.returncode == 0
    wrong = vindrop("--lang=zh", "readings", cwd=tmp_path, **utf8)
    assert "这里还没有识别过照片" in wrong.stderr
    assert wrong.returncode == 2
    slip = vindrop("--lang", "zh", "reading", cwd=tmp_path, **utf8)
    assert "没有命令“reading”。您要找的是“readings”吗？" in slip.stderr
    other = vindrop("--lang", "de", "vin", cwd=tmp_path)
    assert (other.returncode, other.stdout) == (2, "")
    assert "it takes en or zh" in other.stderr


def test_pages_are_shown_in_chinese_where_there_are_any(tmp_path: Path) -> None:
    utf8 = {"PYTHONUTF8": "1"}
    page = vindrop("--lang", "zh", "help", "operations", cwd=tmp_path, **utf8).stdout
    assert page.startswith("# 运维\n")
    english = vindrop("help", "triggers", cwd=tmp_path, **utf8).stdout  # has no Chinese side
    assert vindrop("--lang", "zh", "help", "triggers", cwd=tmp_path, **utf8).stdout == english
    listed = vindrop("--lang", "zh", "help", cwd=tmp_path, **utf8).stdout
    assert "教程" in listed
    words = ("help", "settings", "--json")
    assert (
        vindrop(*words, cwd=tmp_path).stdout == vindrop("--lang", "zh", *words, cwd=tmp_path).stdout
    )


def test_programs_get_the_same_in_either_language(tmp_path: Path) -> None:
    words = ("vin", "--json", "1M8GDM9AXKP042788", "nonsense")
    assert (
        vindrop(*words, cwd=tmp_path).stdout == vindrop("--lang", "zh", *words, cwd=tmp_path).stdout
    )


def test_the_chinese_settings_page_is_what_the_command_line_says(tmp_path: Path) -> None:
    page = (translations.ROOT / translations.GENERATED).read_text(encoding="utf-8")
    said = vindrop("--lang", "zh", "settings", "--markdown", cwd=tmp_path, PYTHONUTF8="1").stdout
    assert page.partition("\n")[2] == said


def test_lines_are_as_wide_as_the_terminal() -> None:
    dice = random.Random(3)
    for _ in range(300):
        text = "".join(
            dice.choice("识别车辆 abc def，。 VIN-1") for _ in range(dice.randint(1, 120))
        )
        lines = wrapped(text, 40)
        assert "".join("".join(lines).split()) == "".join(text.split())
        assert max(map(cell_len, lines)) <= 40 + 2  # a mark may stand after the last column
    language.choose([])


@pytest.mark.parametrize(
    "sentence",
    [
        "The state of every upload (claimed, waiting for a retry): a URL, or none",
        "When an answer is sure (docs/cascade.md: how it was chosen), no other is asked",
        "(out of reach, blocked)",
        "the file is torn or incomplete",
    ],
)
def test_no_word_of_a_sentence_without_translation_is_changed(sentence: str) -> None:
    assert chinese().translate(sentence) == sentence
    language.choose(["--lang", "zh"])
    try:
        assert language.said(sentence) == sentence
        assert language.said("31 of 31") == "31 / 31"
    finally:
        language.choose(["--lang", "en"])


def test_the_variable_is_no_mistake_for_the_functions(tmp_path: Path) -> None:
    done = vindrop("doctor", cwd=tmp_path, VINDROP_LANG="zh", PYTHONUTF8="1")
    assert "VINDROP_LANG" not in done.stdout + done.stderr


ADVICE = re.compile(r"\b(?:Send|Take|Try|Set|Buy|Top|Check|Activate|Retry|[Pp]lease)\b")
SENTENCE_ENDS = re.compile(r"[.!?](?= [A-Z`]|$)")
CHINESE_ENDS = re.compile(r"[。？！；]|，(?=请|但|新的|终端|继续|最多|是)|：(?=请|该)")
"""Where a Chinese sentence goes on with what English says in another one, a comma may part them."""


def pairs() -> Iterator[tuple[str, str, str]]:
    """Yield where a pair stands, its English and its Chinese: of VinOCR, library, command and console."""
    for code, words in MESSAGES.items():
        yield code, words.english, words.chinese
    for name in ("local/vindrop_local/zh.tsv", "layers/vindrop/vindrop/domain/zh.tsv"):
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            english, tab, chinese = line.partition("\t")
            if tab and not line.startswith("#"):
                yield name, english, chinese
    console = ROOT / "layers/vindrop/vindrop/http/console/words.json"
    for name, value in json.loads(console.read_text(encoding="utf-8")).items():
        if isinstance(value, list):
            yield name, *value


def test_neither_language_leaves_out_what_the_other_says() -> None:
    """As many places for what differs, as many sentences, and what to do in both."""
    short = []
    for where, english, told in pairs():
        places = [
            set(re.findall(r"\{(\w+)\}", english)) or set(map(str, range(english.count("{}")))),
            {each or str(at) for at, each in enumerate(re.findall(r"\{(\w*)\}", told))},
        ]
        sentences = [
            len(ends.findall(text.rstrip(".。"))) + 1
            for ends, text in ((SENTENCE_ENDS, english), (CHINESE_ENDS, told))
        ]
        advises = where in MESSAGES and ADVICE.search(english)
        if (
            places[0] != places[1]
            or sentences[0] > sentences[1]
            or (advises and "请" not in told.replace("请求", ""))
        ):
            short.append((where, english, told))
    assert short == []


def test_every_reason_that_an_error_code_has_of_its_own_is_told_in_chinese() -> None:
    told = [rule.sentence for rule in TABLE.values() if rule.sentence]
    assert told
    assert [each for each in told if not chinese().knows(each)] == []
