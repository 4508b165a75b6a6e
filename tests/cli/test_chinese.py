"""``--lang zh``: no sentence that a person reads on the command line is left in English."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from documentation.sentences import LOCAL
from tests.library.conftest import a_dead_letter, a_reading, an_upload
from tests.stores.console_flow import VINS, ConsoleFlow, doubtful
from vindrop.core import life
from vindrop.core.console import Step as LifeStep
from vindrop.core.ledger import Claim
from vindrop.domain.failures import Failure
from vindrop.domain.translation import chinese
from vindrop_local import cli, language
from vindrop_local.commands import bootstrap
from vindrop_local.demo_report import Report, present
from vindrop_local.doctor import vinocr as doctor_vinocr
from vindrop_local.tencent_bootstrap import MADE, THERE, WANTED, Done, Step
from vindrop_local.terminal import console
from vindrop_local.vinocr_process import Calls
from vinocr.api import codes
from vinocr.api import request as vinocr_request

ROOT = Path(__file__).resolve().parents[2]
HAN = re.compile(r"[一-鿿]")
CODE = re.compile(
    r"`[^`]*`|\x1b\[[0-9;]*m|https?://\S+|\S+://\S*|'[^']*'|\[[^\]\n]*\]|--?[a-z][\w-]*(?:[= ][A-Z…]+)?"
    r"|\b\w*[A-Z0-9_]\w*\b|\S*[./_=:@]\S*|\{.*\}"
)
"""What no translation changes: code, addresses, options, names with capitals or figures, JSON."""
WORDS = re.compile(r"[a-z][a-z'’]+(?: +[a-z][a-z'’]+)+")
"""Two English words one after the other."""
SINGLE = re.compile(
    r"\b(?:the|is|are|of|and|or|not|no|with|from|has|must|takes|to|that|it|its|which|a|in|at)\b"
)
"""Words of which one is enough to know an English sentence by."""
NAMES = {"doubtful", "verified", "plausible", "reviewed"} | {
    "osls deploy",
    "npx osls deploy",
    "pip install",
}
"""Codes that are typed, and commands."""


def english(text: str) -> list[str]:
    """Return what is left of English sentences in a Chinese output."""
    found = []
    text = re.sub(r"`[^`]*`", "|", text)  # code may go on in the next line
    text = re.sub(r"\bvindrop(?: [a-z-]+)*", "|", text)
    for line in text.splitlines():
        bare = CODE.sub(" | ", line)
        for name in sorted(NAMES, key=len, reverse=True):
            bare = re.sub(rf"\b{name}\b", "|", bare)
        found += [f"{each[0]!r} in {line!r}" for each in WORDS.finditer(bare)]
        found += [f"{each[0]!r} in {line!r}" for each in SINGLE.finditer(bare)]
    return found


Run = Callable[..., str]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Iterator[Run]:
    """Return what runs a command in Chinese, as if in a terminal, and returns what it shows."""
    for name in ("NO_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def run(*words: str, status: int | None = 0, **environment: str) -> str:
        with monkeypatch.context() as patched:
            for name, value in environment.items():
                patched.setenv(name, value)
            patched.setattr(sys, "argv", ["vindrop", "--lang", "zh", *words])
            capfd.readouterr()
            try:
                ended = cli._run()
            except SystemExit as error:
                ended = int(str(error.code or 0))
        shown = "".join(capfd.readouterr())
        assert status is None or ended == status, shown
        assert "Traceback" not in shown
        return shown

    yield run
    language.choose(["--lang", "en"])


def _commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, (*path, name))


COMMANDS = list(_commands(typer.main.get_command(cli.app)))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_the_help_of_every_command(run: Run, path: tuple[str, ...]) -> None:
    shown = run(*path, "-h")
    assert HAN.search(shown)
    assert not re.search(r"<(?:list\[|str|path|Path|int|float)|\[OPTIONS\]|\[ARGS\]", shown)
    assert english(shown) == []


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("reading",),
        ("stats", "--jsn"),
        ("stats", "--days", "x"),
        ("stats", "--days", "0"),
        ("stats", "--days"),
        ("stats", "more"),
        ("stats", "--json=1"),
        ("backfill",),
        ("backfill", "x://"),
        ("backfill", "cos://b-1"),
        ("cost", "--per", "hour"),
        ("cost", "--cloud", "moon"),
        ("cost", "--price", "x"),
        ("cost", "--price", "x=1"),
        ("cost", "--photos", "-1"),
        ("cost", "--memory", "many"),
        ("schema", "oracle"),
        ("export", "--format", "pdf"),
        ("export", "--since", "yesterday"),
        ("uploads", "--state", "lost"),
        ("uploads", "--verdict", "good"),
        ("uploads", "--vin", "x"),
        ("uploads",),
        ("readings",),
        ("dead-letters", "redrive"),
        ("dead-letters", "show"),
        ("dead-letters", "nonsense"),
        ("dead-letters", "list", "--disposition", "x"),
        ("review", "decide"),
        ("review", "decide", "abc"),
        ("review", "decide", "abc", "--reason", "why"),
        ("review", "decide", "abc", "1M8GDM9AXKP042788", "--reason", "no_vin"),
        ("review", "undo"),
        ("ledger", "copy"),
        ("ledger", "copy", "--from", "x", "--to", "y"),
        ("ledger", "copy", "--from", "sqlite:///a", "--to", "sqlite:///a"),
        ("ledger", "copy", "--from", "sqlite:///none.db", "--to", "sqlite:///b.db"),
        ("event", "nonsense"),
        ("event", "cos", "--in", "nonsense"),
        ("event", "cos", "--photo", "x"),
        ("invoke", "nothing", "x"),
        ("invoke", "upload", "missing.json"),
        ("invoke", "upload", "missing.json", "--platform", "moon"),
        ("vin", "--file", "missing"),
        ("vin", "x", "--file", "missing"),
        ("help", "nonsense"),
        ("help", "operatoins"),
        ("doctor", "--env-file", "missing"),
        ("settings", "--json", "--markdown"),
        ("vinocr", "--nonsense"),
        ("vinocr", "--port", "x"),
        ("vinocr", "--port", "99999"),
        ("vinocr",),
        ("bootstrap", "tencent"),
        ("bootstrap", "tencent", "--stage", "x y"),
        ("up", "--http-port", "99999"),
        ("recognize",),
        ("recognize", ""),
        ("recognize", "."),
        ("demo", "--photos", ""),
        ("up", "--bucket", ""),
        ("help", "("),
        ("demo", "--nonsense"),
    ],
    ids=" ".join,
)
def test_errors_of_wrong_arguments(run: Run, words: tuple[str, ...]) -> None:
    shown = run(*words, status=2)
    assert HAN.search(shown)
    assert english(shown) == []


MARKS = re.compile(r"[。？！，：；][。？！，：；]|[。？！][，：；]")
"""Two marks of a sentence side by side."""


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_a_wrong_argument_names_the_help_of_its_own_command(
    run: Run, path: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In both languages, and with one mark between the sentences, also behind a question."""
    if path == ("vinocr",):
        return  # the server says itself what it takes
    shown = run(*path, "--jsn", status=2)
    assert f"`{' '.join(['vindrop', *path])} --help`" in shown
    assert not MARKS.search(shown), shown
    monkeypatch.setattr(sys, "argv", ["vindrop", "--lang", "en", *path, "--jsn"])
    with monkeypatch.context() as patched:
        said: list[str] = []

        def keep(text: str) -> str:
            said.append(text)
            return text

        patched.setattr(cli, "shown", keep)
        assert cli._run() == 2
    assert f"`{' '.join(['vindrop', *path])} --help`" in said[0]
    assert "?:" not in said[0]


def test_a_vin_is_explained(run: Run) -> None:
    for vin, status in (
        ("1M8GDM9AXKP042788", 0),
        ("1M8GDM9A0KP042788", 0),
        ("IM8GDM9AXKPO42788", 0),
        ("WVWZZZ6RZBT194351", 0),
        ("11111111111111111", 0),
        ("1M8GDM9AXKP04278", 1),
        ("1M8GDM9AXKP0427ü8", 1),
    ):
        shown = run("vin", vin, status=status)
        # The law's title, and what the register says of the vehicle, are nobody's to translate.
        shown = re.sub(r"(?m)^(?:品牌|车型|车身|配置|燃料|工厂|类型|4–8|11) .*$", "", shown)
        assert HAN.search(shown)
        assert english(shown) == []
    shown = run("vin", "LSG77FH75BE263982")
    assert "GB/T 16735" in shown
    assert "since" not in shown
    many = run("vin", "1M8GDM9AXKP042788", "1M8GDM9A0KP042788", "short", status=1)
    assert "已验证" in many
    assert "存疑" in many
    assert english(many) == []


@pytest.fixture
def flow(tmp_path: Path) -> ConsoleFlow:
    return ConsoleFlow(f"sqlite:///{tmp_path}/vindrop.db")


def test_lists_lives_and_decisions(run: Run, flow: ConsoleFlow, tmp_path: Path) -> None:
    names = [
        flow.end(a_dead_letter(an_upload("dock/7.jpg"))),
        flow.end(a_reading(an_upload("dock/8.jpg"))),
        flow.end(doubtful(an_upload("dock/9.jpg"))),
    ]
    stores = ("VINDROP_LEDGER", "VINDROP_RESULTS", "VINDROP_DEAD_LETTERS")
    settings = dict.fromkeys(stores, flow.url)
    pages = [run("review", **settings)]
    pages += [
        run(*words, **settings)
        for words in (
            ("review", "decide", names[0][:12], VINS[1], "--as", "ann"),
            ("review", "decide", names[2][:12], "--reason", "no_vin", "--as", "ann"),
        )
    ]
    again = ("review", "decide", names[0][:12], VINS[0], "--as", "bob")
    pages.append(run(*again, status=1, **settings))
    pages.append(run("review", "undo", names[2][:12], "--as", "ann", **settings))
    for words in (
        ("uploads",),
        ("uploads", "--limit", "1"),
        *(("uploads", name) for name in names),
        ("uploads", "--photo", "nothing"),
        ("readings",),
        ("dead-letters",),
        ("dead-letters", "redrive", "--all", "--dry-run"),
        ("dead-letters", "redrive", "--code", "nothing"),
        ("stats",),
        ("stats", "--price", "0.02"),
        ("export",),
        ("export", "--out", "x.csv"),
        ("ledger", "copy", "--from", flow.url, "--to", f"sqlite:///{tmp_path}/copy.db"),
    ):
        pages.append(run(*words, **settings))
    assert not MARKS.search("".join(pages))
    for shown in pages:
        bare = shown.partition("\n{")[0]  # a record in full is JSON
        assert english(re.sub(r"id,first_seen.*", "", bare, flags=re.DOTALL)) == []


def test_steps_and_details_of_a_life_have_words_of_their_own() -> None:
    language.choose(["--lang", "zh"])
    try:
        for step in get_args(LifeStep):
            assert HAN.search(language.word("step", step.replace("_", " "))), step
        for name in re.findall(r'"(\w+)":', inspect.getsource(life)):
            word = language.word("detail", name.replace("_", " "))
            assert HAN.search(word) or word == "VIN", name
        assert language.word("step", "claimed") != language.said("claimed")
    finally:
        language.choose(["--lang", "en"])


def test_doctor_says_everything_in_chinese(run: Run, tmp_path: Path) -> None:
    here = f"sqlite:///{tmp_path}/vindrop.db"
    sound = {
        "VINDROP_RESULTS": f"{here} file://{tmp_path}/out.jsonl",
        "VINDROP_DEAD_LETTERS": here,
        "VINDROP_LEDGER": here,
        "VINDROP_ALLOWED_BUCKETS": "photos-1250000000",
        "VINDROP_VINOCR_ENDPOINT": "127.0.0.1:1",
        "VINDROP_VINOCR_SCHEME": "http",
    }
    sound.pop("VINDROP_VINOCR_SCHEME")
    for changed in (
        {},
        {"VINDROP_LEDGER": "none", "VINDROP_RATE_LIMITER": "memory"},
        {"VINDROP_LEDGER": "sqlite:////nowhere/at/all.db"},
        {
            "VINDROP_ALLOWED_BUCKETS": "",
            "VINDROP_VINOCR_SECRET_ID": "x",
            "VINDROP_VINOCR_SECRET_KEY": "y",
        },
        {"TENCENTCLOUD_SECRETID": "AKIDx", "TENCENTCLOUD_SECRETKEY": "y"},
        {"VINDROP_RATE": "0"},
        {"VINDROP_LEDGER": ""},
        {"VINDROP_RECOGNIZERS": "own=x=y"},
        {"VINDROP_NONSENSE": "1"},
        {"VINDROP_RATE": "many"},
        {"VINDROP_IMAGE": "paper"},
    ):
        (tmp_path / "env").write_text("".join(f"{k}={v}\n" for k, v in (sound | changed).items()))
        shown = run("doctor", "--env-file", "env", status=None)
        assert HAN.search(shown)
        assert english(shown) == []


@pytest.mark.parametrize("skew", [0.0, 70.0, -70.0, 400.0, -400.0])
def test_what_doctor_says_of_clocks(run: Run, skew: float) -> None:
    del run  # puts the language back
    language.choose(["--lang", "zh"])
    assert english(language.said(doctor_vinocr._clock(skew).said)) == []


@pytest.mark.parametrize("cloud", ["tencent", "aws"])
def test_what_a_month_costs(run: Run, cloud: str) -> None:
    for more in ((), ("--price", "vinocr-call=0.02"), ("--photos", "0"), ("--photos", "1")):
        assert english(run("cost", "--cloud", cloud, *more)) == []


@pytest.mark.parametrize("words", [("settings",), ("help",), ("schema", "sqlite")])
def test_what_needs_no_ledger(run: Run, words: tuple[str, ...]) -> None:
    shown = run(*words)
    if words == ("help",):  # pages without a Chinese side keep their English titles
        shown = "\n".join(line for line in shown.splitlines() if HAN.search(line))
    if words != ("schema", "sqlite"):  # SQL
        assert english(shown) == []


@pytest.mark.parametrize("sent", [0, 3])
@pytest.mark.parametrize("second", [None, Calls(2, 1)])
def test_what_a_demo_found(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sent: int,
    second: Calls | None,
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    report = Report(
        uploads=3,  # of two: one is lost
        sent=sent,
        readings=[a_reading(an_upload("a.jpg"))],
        dead_letters=[a_dead_letter(an_upload("b.jpg"))],
        calls=Calls(sent, 1),
        truth={"a.jpg": VINS[0]},
        second_calls=second,
    )
    language.choose(["--lang", "zh"])
    try:
        present(report, console())
    finally:
        language.choose(["--lang", "en"])
    shown = capsys.readouterr().out
    assert "有丢失或重复" in shown
    assert english(shown) == []


def test_each_step_of_an_empty_account(capsys: pytest.CaptureFixture[str]) -> None:
    folder = LOCAL / "tencent_bootstrap"
    kinds, details = set(), set()
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            called = getattr(getattr(node, "func", None), "id", "")
            if isinstance(node, ast.Call) and called == "Step":
                kinds.add(ast.literal_eval(node.args[0]))
            if isinstance(node, ast.FunctionDef) and node.name.endswith("missing"):
                details |= set(_returned(node))
    assert len(kinds) > 15
    assert len(details) > 10
    language.choose(["--lang", "zh"])
    try:
        for kind in kinds | {"settings"}:
            for state in (THERE, MADE, WANTED):
                bootstrap._print(Done(Step(kind, "in .env", str, lambda: None), state, ""))
        for detail in details:
            bootstrap._print(Done(Step("bucket", "x-1", str, lambda: None), WANTED, detail))
        shown = capsys.readouterr().out
    finally:
        language.choose(["--lang", "en"])
    assert english(shown) == []


def _returned(function: ast.FunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Return) and node.value is not None:
            for each in (
                [node.value.body, node.value.orelse]
                if isinstance(node.value, ast.IfExp)
                else [node.value]
            ):
                if isinstance(each, ast.Constant) and each.value:
                    yield str(each.value)
                elif isinstance(each, ast.JoinedStr):
                    yield "".join(
                        str(v.value) if isinstance(v, ast.Constant) else "X1" for v in each.values
                    )


@pytest.mark.parametrize(
    "text",
    ["no such uploads", "找到 the file", "照片 is missing", "uploads  12", "有 3 个 dead letters"],
)
def test_english_is_seen(text: str) -> None:
    assert english(text) or text == "uploads  12"


@pytest.mark.parametrize("text", ["用 `vindrop help` 列出", "VINDROP_RATE 为 0", "--lang zh"])
def test_chinese_passes(text: str) -> None:
    assert english(text) == []


def test_a_wrong_character_an_empty_queue_and_a_retry_are_told_in_the_readers_words(
    run: Run, flow: ConsoleFlow
) -> None:
    settings = dict.fromkeys(
        ("VINDROP_LEDGER", "VINDROP_RESULTS", "VINDROP_DEAD_LETTERS"), flow.url
    )
    assert "没有待复核的上传" in run("review", **settings)
    assert "没有符合条件的上传" in run("review", "list", "--vin", "ABC", **settings)
    name = flow.end(doubtful(an_upload()))
    shown = run("review", "decide", name, "LSGPC52H9GF12516O", status=2, **settings)
    assert "第 17 位的字符不会出现在 VIN 中：是 0 吗？" in shown
    assert english(shown) == []
    shown = run("review", "decide", name, "1M8GDM9A0KP042788", status=2, **settings)
    assert "第 9 位的校验位是错的" in shown
    assert "--wrong-check-digit" in shown
    assert english(shown) == []
    upload = an_upload("waits.jpg")
    claim = flow.ledger.claim(upload, 60)
    assert isinstance(claim, Claim)
    why = Failure("ClientNetworkError.NotConnected", "VinOCR could not be reached")
    assert flow.ledger.schedule_retry(upload.id, claim, why, seconds=100.25, attempts=0, billed=0)
    shown = run("uploads", upload.id, **settings)
    assert re.search(r"下次处理时间 \d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?!\.)", shown), shown


CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENGLISH = re.compile(r"\b[a-z]{3,} [a-z]{2,}")
PARAMETER = re.compile(r'_parameter\("([^"]+)"')


def answers() -> Iterator[str]:
    """Yield each sentence that VinOCR can answer, with every reason that may stand in it."""
    of_parameters = PARAMETER.findall(inspect.getsource(vinocr_request))
    assert len(of_parameters) > 3
    places: dict[str, Any] = {"limit": 5, "seconds": 3, "name": "X", "status": 404, "redirects": 3}
    for code, words in codes.MESSAGES.items():
        reasons = of_parameters if words.english == "{why}." else codes.REASONS
        for why in reasons if "{why}" in words.english else [""]:
            yield codes.ApiError(code, why=why, **places).text(codes.Language.ENGLISH)


def test_whatever_vinocr_answers_has_chinese_in_a_terminal_and_on_a_page() -> None:
    """A photo's dead letter keeps what VinOCR said in English: it is translated where it is shown."""
    told = [(said, {language.in_chinese(said), chinese().translate(said)}) for said in answers()]
    assert len(told) > len(codes.MESSAGES) + len(codes.REASONS)
    assert [said for said, found in told if len(found) != 1] == []
    left = [
        (said, one)
        for said, found in told
        for one in found
        if not CHINESE.search(one) or ENGLISH.search(re.sub(r"`[^`]*`", "", one))
    ]
    assert left == []
