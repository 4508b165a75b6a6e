"""What people see: VIN and verdict whole at any width, foreign text shown and never obeyed."""

from __future__ import annotations

import fcntl
import io
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from rich.text import Text

from tests.commands import vindrop
from tests.library.conftest import a_dead_letter, a_reading, an_upload
from tests.stores.console_flow import ConsoleFlow
from vindrop.destinations import open_destination
from vindrop.domain.recognition import RecognizerCall
from vindrop.domain.records import DeadLetter, Reading, to_json
from vindrop.stores import sql
from vindrop_local import language, log_sentences, show
from vindrop_local.errors import UserError
from vindrop_local.terminal import SafeConsole, json_text, program, shown, spreadsheet_cell

ROOT = Path(__file__).resolve().parents[2]
LONG = "a/very/long/folder/of/a/customer/with/many/photos/" * 3
VIN = "LSGPC52H9GF125161"
OTHER = "5NPEVYK97FD841835"
HOSTILE = {
    "an escape": "\x1b[31mred\x1b[0m",
    "a clipboard write": "\x1b]52;c;aGVsbG8=\x07",
    "a title": "\x1b]0;title\x07",
    "a link": "\x1b]8;;http://evil/\x1b\\click\x1b]8;;\x1b\\",
    "C1": "\x9b31m\x9d0;title\x9c",
    "deletion": "\x7f\x08\x08\x08",
    "bidirectional": "\u202egpj.exe\u202c \u2066a\u2069 \u200f\u061c",
    "lines": "one\ntwo\rthree\x0bfour\x0cfive\u2028six\x85",
    "markup": "[/red] [bold]x[/] [link=http://evil/]y[/link] :smile:",
    "NUL": "a\x00b",
    "invisible": "a\u200bb\ufeffc\u00ad",
    "half a pair": "a\ud83db",
    "tags": "a\U000e0041b",
}


def reading(key: str, **changed: object) -> Reading:
    base = a_reading()
    fields: dict[str, Any] = {"upload": replace(base.upload, key=key), "vin": VIN, **changed}
    return replace(base, **fields)


def dead_letter(key: str, message: str) -> DeadLetter:
    base = a_dead_letter()
    assert base.upload is not None
    return replace(base, upload=replace(base.upload, key=key), message=message)


def drawn(what: object, width: int) -> str:
    out = SafeConsole(
        file=io.StringIO(), width=width, force_terminal=True, markup=False, color_system=None
    )
    out.print(what, crop=False)
    written = out.file
    assert isinstance(written, io.StringIO)
    return written.getvalue()


@pytest.mark.parametrize("width", [28, 30, 40, 60, 79, 80, 100, 200])
@pytest.mark.parametrize("key", ["a.jpg", LONG, "照片" * 40, "x\u202ey" * 30], ids=range(4))
@pytest.mark.parametrize("maker", [None, "GM", "Zhengzhou Yutong Bus Company Limited " * 3])
@pytest.mark.parametrize("seconds", [0.4, 1e9])
def test_vin_and_verdict_are_whole_at_any_width(
    width: int, key: str, maker: str | None, seconds: float
) -> None:
    base = reading(key, maker=maker)
    call = replace(base.vinocr, seconds=seconds)
    rows = [replace(base, vinocr=call), reading("b.jpg", maker="Ford")]
    empty: dict[str, Text] = {}
    for marks in (None, empty):
        table = drawn(show.readings_table(rows, width, marks), width)
        assert table.count(VIN) == 2
        assert table.count(rows[0].verdict.value) == 2
        assert len(table.splitlines()) == 3


def test_in_a_terminal_of_80_columns_and_in_a_pipe(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/r.db"
    destination = open_destination(url)
    destination.put(reading(LONG, maker="Zhengzhou Yutong Bus Company Limited"))
    destination.put(dead_letter("b" + LONG, "a\tb \x1b[31m" + "long " * 60))
    sql.forget(url)
    seen = in_a_terminal(["readings", "--from", url], tmp_path, columns=80)
    assert VIN in seen
    assert reading("a").verdict.value in seen
    assert max(map(len, seen.splitlines())) <= 80
    piped = vindrop("readings", "--from", url, cwd=tmp_path, COLUMNS="20")
    heading, row = (line.split("\t") for line in piped.stdout.splitlines())
    assert len(heading) == len(row)
    assert dict(zip(heading, row, strict=True))["photo"] == LONG
    assert VIN in row
    piped = vindrop("dead-letters", "--from", url, cwd=tmp_path, COLUMNS="20")
    heading, row = (line.split("\t") for line in piped.stdout.splitlines())
    found = dict(zip(heading, row, strict=True))
    assert found["id"] == dead_letter("b" + LONG, "").id
    assert found["reason"].startswith("a\\tb \\x1b[31mlong")


def in_a_terminal(arguments: list[str], cwd: Path, *, columns: int) -> str:
    return terminal([sys.executable, "-m", "vindrop_local", *arguments], cwd, columns)


def terminal(command: list[str], cwd: Path, columns: int, kind: str = "dumb") -> str:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    kept = {k: v for k, v in os.environ.items() if k not in {"COLUMNS", "LINES", "NO_COLOR"}}
    clean = {k: v for k, v in kept.items() if not k.startswith("VINDROP_")}
    process = subprocess.Popen(
        command, cwd=cwd, env=clean | {"TERM": kind}, stdin=slave, stdout=slave, stderr=slave
    )
    os.close(slave)
    data = b""
    while True:
        try:
            read = os.read(master, 65_536)
        except OSError:  # Linux: the other side is closed
            break
        if not read:
            break
        data += read
    process.wait(60)
    os.close(master)
    return data.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("kind", HOSTILE)
def test_foreign_text_is_shown_and_never_obeyed(kind: str) -> None:
    text = HOSTILE[kind]
    row, letter = reading(text, maker=text), dead_letter(text, text)
    letter = DeadLetter(**{**vars(letter), "code": text})
    for what in (
        show.readings_table([row], 120),
        show.dead_letters_table([letter], ids=True),
        show.reading_line(row),
        show.dead_letter_line(letter),
        show.totals_table([(text, text)]),
        text,
    ):
        said = drawn(what, 120)
        assert harmless(said), said
    for line in show.lines("vindrop.reading.v1", [row]):
        assert harmless(line.replace("\t", ""))
    assert harmless(json_text({"key": text}) + "\n")
    assert json.loads(json_text({"key": text})) == {"key": text}


def harmless(said: str) -> bool:
    return all(each.isprintable() or each == "\n" for each in said)


@pytest.mark.parametrize("command", ["readings", "dead-letters"])
def test_whose_records_are_listed_is_said_where_no_setting_names_them(
    command: str, tmp_path: Path
) -> None:
    """At night somebody may take the demo's for those of what is deployed."""
    folder = tmp_path / ".vindrop" / "demo"
    folder.mkdir(parents=True)
    url = f"sqlite:///{folder}/vindrop.db"
    open_destination(url).put(reading("a.jpg"))
    sql.forget(url)
    sentence = "from .vindrop/demo/vindrop.db in this folder: no setting names another"
    assert in_a_terminal([command], tmp_path, columns=80).count(sentence) == 1
    assert sentence not in in_a_terminal([command, "--from", url], tmp_path, columns=80)
    assert vindrop(command, cwd=tmp_path).stderr == ""


def test_each_command_shows_hostile_keys(tmp_path: Path) -> None:
    records = [reading(text, maker=text) for text in HOSTILE.values()]
    letters = [dead_letter(text + "b", text) for text in HOSTILE.values()]
    url = written(tmp_path, [*records, *letters])
    identity = next(each.id for each in letters if "[/red]" in each.message)
    for arguments in (["readings"], ["dead-letters"], ["dead-letters", "show", identity[:20]]):
        seen = in_a_terminal([*arguments, "--from", url], tmp_path, columns=100)
        assert "Traceback" not in seen
        assert harmless(seen), (arguments, seen)
    for arguments in (["readings"], ["dead-letters", "list"]):
        seen = vindrop(*arguments, "--from", url, cwd=tmp_path).stdout
        assert harmless(seen.replace("\t", "")), (arguments, seen)
        assert "[/red] [bold]x[/] [link=http://evil/]y[/link] :smile:" in seen
        assert len(seen.splitlines()) == 1 + len(HOSTILE)


def written(folder: Path, records: list[Reading | DeadLetter]) -> str:
    """A file of records as it may be found: with NUL and half pairs, as JSON can hold them."""
    path = folder / "records.jsonl"
    lines = (to_json(each).encode("utf-8", "backslashreplace") + b"\n" for each in records)
    path.write_bytes(b"".join(lines))
    return f"file://{path}"


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["readings", "--from", "x{}://h"], {}),
        (["readings"], {"VINDROP_RESULTS": "x{}"}),
        (["invoke", "{}", "/dev/null"], {}),
        (["invoke", "upload", "{}.json"], {}),
        (["event", "{}"], {}),
        (["dead-letters", "show", "{}", "--from", "file:///dev/null"], {}),
        (["vin", "{}"], {}),
        (["vin", "{}", "b"], {}),
        (
            ["doctor"],
            {"VINDROP_RESULTS": "{}", "VINDROP_LEDGER": "{}", "VINDROP_DEAD_LETTERS": "x"},
        ),
        (["doctor"], {"VINDROP_IMAGE": "{}"}),
    ],
)
def test_errors_show_what_the_user_gave(
    arguments: list[str], environment: dict[str, str], tmp_path: Path
) -> None:
    text = "".join(HOSTILE.values()).replace("\0", "").replace("\n", "").replace("\ud83d", "")
    done = vindrop(
        *(each.replace("{}", text) for each in arguments),
        cwd=tmp_path,
        **{name: value.replace("{}", text) for name, value in environment.items()},
    )
    assert done.returncode in {1, 2}
    assert "Traceback" not in done.stderr
    assert harmless(done.stdout + done.stderr), (done.stdout, done.stderr)


@pytest.mark.parametrize("url", ["sqlite:///{}/gone.db", "file://{}/gone.jsonl"])
@pytest.mark.parametrize("command", ["readings", "dead-letters"])
def test_a_missing_file_is_said_and_not_made(url: str, command: str, tmp_path: Path) -> None:
    url = url.format(tmp_path)
    for given, environment in (
        (["--from", url], {}),
        ([], {"VINDROP_RESULTS": url, "VINDROP_DEAD_LETTERS": url}),
    ):
        done = vindrop(command, *given, cwd=tmp_path, **environment)
        assert done.returncode == 2
        assert "there is no file" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["settings", "--json"],
        ["schema", "sqlite", "--json"],
        ["schema", "dynamodb", "--json"],
        ["schema", "records", "--json"],
        ["event", "cos", "--json"],
        ["vin", "--json", VIN, "nothing"],
        ["doctor", "--json"],
        ["readings", "--json"],
        ["dead-letters", "list", "--json"],
    ],
)
def test_json_is_json_lines_and_nothing_else(arguments: list[str], tmp_path: Path) -> None:
    url = written(tmp_path, [reading("a.jpg"), dead_letter("a\ud83d\x9b.jpg", "x")])
    done = vindrop(
        *arguments,
        cwd=tmp_path,
        VINDROP_RESULTS=url,
        VINDROP_DEAD_LETTERS=url,
        VINDROP_LEDGER="none",
        VINDROP_QUOTA="memory",  # is renamed, and a log line says so
        VINDROP_VINOCR_ENDPOINT="http://127.0.0.1:9",
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert lines, done.stderr
    assert all(isinstance(line, dict) and "event" not in line for line in lines)
    if arguments[0] == "doctor":
        assert "setting_renamed" in done.stderr


def test_a_bar_is_not_torn_by_log_lines(tmp_path: Path) -> None:
    script = tmp_path / "bar.py"
    script.write_text(
        "import threading\n"
        "from rich.progress import Progress\n"
        "from vindrop import telemetry\n"
        "from vindrop_local.terminal import console\n"
        "telemetry.log_to_standard_error()\n"
        "with Progress(console=console()) as bar:\n"
        "    task = bar.add_task('reading', total=40)\n"
        "    for n in range(40):\n"
        "        telemetry.log('ended', n=n)\n"
        "        bar.advance(task); bar.refresh()\n"
    )
    seen = terminal([sys.executable, str(script)], tmp_path, 300, "xterm")
    lines = [line for line in seen.splitlines() if '"ended"' in line]
    found = [json.loads(line[line.index("{") : line.index("}") + 1]) for line in lines]
    assert [each["n"] for each in found] == list(range(40))
    assert not any("reading" in line[line.index("{") :] for line in lines)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_in_a_terminal_no_command_prints_a_line_of_a_log(tmp_path: Path, language: str) -> None:
    """Neither of what went well, which the command tells, nor of what did not: a sentence."""
    url = f"sqlite:///{tmp_path}/vindrop.db"
    flow = ConsoleFlow(url)
    name = flow.end(a_dead_letter(an_upload("a.jpg")))[:12]
    also = flow.end(a_dead_letter(an_upload("b.jpg")))[:12]
    stores = ["--ledger", url, "--from", url]
    away = ["--ledger", url, "--from", "redis://127.0.0.1:1/0?stream=s&timeout_seconds=1"]
    zh = language == "zh"
    for words, told in (
        (["review", "decide", name, VIN, "--as", "ann", *stores], VIN),
        (["review", "undo", name, "--as", "ann", *stores], "已撤销" if zh else "taken"),
        (["review", "decide", name, VIN, "--as", "ann", *away], "sweep"),
        (["review", "list", "--ledger", url], "b.jpg"),
        (["dead-letters", "redrive", also, *stores], "redriven" if not zh else "重新处理"),
        (["uploads", "--ledger", url], "a.jpg"),
        (["readings", *stores], "`vindrop uploads`"),
    ):
        shown = in_a_terminal(["--lang", language, *words], tmp_path, columns=160)
        assert told in shown, words
        assert not re.search(r'[{}"]|"event"', shown), shown
        piped = vindrop("--lang", language, *words, cwd=tmp_path)
        assert all(json.loads(line)["event"] for line in piped.stderr.splitlines() if "{" in line)


EVENTS = {
    name
    for part in ("core", "stores", "destinations", "settings.py")
    for file in sorted((ROOT / "layers" / "vindrop" / "vindrop" / part).rglob("*.py"))
    or [ROOT / "layers" / "vindrop" / "vindrop" / part]
    for name in re.findall(
        r'\blog\(\s*"(\w+)",\s*level="(?:warning|error)"', file.read_text(encoding="utf-8")
    )
}


def test_every_warning_that_a_command_may_meet_has_a_sentence_in_both_languages(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert {"review_undelivered", "setting_renamed", "destination_failed"} <= EVENTS
    assert log_sentences.SENTENCES.keys() >= EVENTS
    line = {"level": "warning", "reason": "the server refuses", "code": "InternalError"}
    for event in EVENTS:
        english = log_sentences.sentence({**line, "event": event})
        assert english.endswith("(InternalError): the server refuses")
        monkeypatch.setitem(language._state, "chosen", "zh")
        chinese = log_sentences.sentence({**line, "event": event})
        assert log_sentences.SENTENCES[event] not in chinese
        assert "(InternalError)：" in chinese
        monkeypatch.undo()


def test_exit_statuses(tmp_path: Path) -> None:
    assert vindrop("settings", cwd=tmp_path).returncode == 0
    assert vindrop("nonsense", cwd=tmp_path).returncode == 2
    assert vindrop("readings", "--nonsense", cwd=tmp_path).returncode == 2
    assert vindrop("readings", cwd=tmp_path).returncode == 2
    assert vindrop("vin", "nothing", cwd=tmp_path).returncode == 1
    command = f"{sys.executable} -m vindrop_local settings --markdown"
    done = subprocess.run(
        ["bash", "-c", f"{command} | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() in {"0", "141"}
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_what_is_printable_stays_as_it_is() -> None:
    for text in ("vin/照片 (1) é.jpg", "a [b] c", "a\\x1bb"):
        assert shown(text) == text
    assert shown("a\tb\nc") == "a\\tb\\nc"
    with pytest.raises(UserError):
        raise UserError(shown("\x1b"))


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+1",
        "-1",
        "@SUM(A1)",
        " =1",
        "\u3000=1",
        "＝1",
        '=HYPERLINK("http://evil")',
        "|cmd",
        "%0A",
    ],
)
def test_a_cell_is_never_a_formula(text: str) -> None:
    assert spreadsheet_cell(text).startswith("'")


@pytest.mark.parametrize("begin", ["=1", " =1", '"=1', "-1", "\uff1d1", "@x", "+1", "|x", "%0a"])
def test_no_part_of_a_cell_is_a_formula_where_semicolons_part_cells(begin: str) -> None:
    for text in (f"a;{begin}", f"a;b;{begin};c", f";{begin}"):
        parts = spreadsheet_cell(text).split(";")
        assert all(part[:1] == "'" for part in parts if part.endswith(begin))
        assert sum(part[:1] == "'" for part in parts) == 1
    assert spreadsheet_cell("a;b; c.jpg") == "a;b; c.jpg"


def test_a_cell_without_a_formula_stays_and_starts_no_other() -> None:
    assert spreadsheet_cell("a=b.jpg") == "a=b.jpg"
    assert spreadsheet_cell("a\t=1\n=2\r=3") == "a\\t=1\\n=2\\r=3"
    assert spreadsheet_cell("") == ""


def test_how_to_run_it_again_is_a_command_that_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my venv").mkdir()
    script = tmp_path / "my venv" / "vindrop"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.argv", [str(script)])
    assert program() == f"'{script}'"
    monkeypatch.setattr("sys.argv", [str(tmp_path / "__main__.py")])
    assert program().endswith(" -m vindrop_local")
    monkeypatch.setenv("PATH", str(script.parent))
    assert program() == "vindrop"


def test_a_table_of_recognizers_is_whole_at_80_columns() -> None:
    def call(name: str, vin: str | None, code: str | None = None) -> RecognizerCall:
        return RecognizerCall(
            name=name, vin=vin, confidence=0.9912 if vin else None, billed=1, code=code
        )

    records = [
        replace(a_reading(an_upload(f"windscreen-{n:02}.jpg")), recognizers=calls)
        for n, calls in enumerate(
            [
                (call("own", VIN), call("cloud", VIN)),
                (call("own", VIN), call("cloud", OTHER)),
                (call("own", None, "FailedOperation.OcrFailed"), call("cloud", VIN)),
                (call("own", VIN),),
            ]
        )
    ]
    letter = replace(
        a_dead_letter(an_upload("z/文件夹/照片-17.jpg")), code="Vindrop.UnsupportedFormat"
    )
    written = io.StringIO()
    out = SafeConsole(width=80, file=written)
    out.print(show.recognizers_table([*records, letter], {"cloud": 0.02}, 80))
    lines = written.getvalue().splitlines()
    assert all(cell_len(line.rstrip()) <= 80 for line in lines)
    for n, line in enumerate(lines[1:5]):
        assert f"{n:02}.jpg" in line or f"{n}.jpg" in line, "photos of a series are told apart"
        assert line.count("…") == 1, "only the photo's name is cut"
    assert lines[1].split()[1:] == [
        VIN, "0.991", "same", "VIN", "0.991", "verified", "0.02",
    ]  # fmt: skip
    assert lines[2].split()[1:5] == [VIN, "0.991", OTHER, "0.991"]
    assert lines[3].split()[1:4] == ["OcrFailed", VIN, "0.991"]
    assert lines[5].split()[-2] + lines[6].strip() == "UnsupportedFormat"


FOR_PEOPLE = [
    ("stats",),
    ("stats", "--days", "366"),
    ("readings",),
    ("uploads",),
    ("uploads", "{id}"),
    ("dead-letters",),
    ("dead-letters", "list"),
    ("dead-letters", "show", "{id}"),
    ("dead-letters", "redrive", "--all", "--dry-run"),
    ("review",),
    ("review", "decide", "{id}", "--reason", "no_vin"),
    ("settings",),
    ("doctor",),
    ("cost", "--photos", "3000"),
    ("vin", VIN),
    ("event", "s3"),
    ("dead-letters", "show", "none-begins-so"),  # on standard error
]


@pytest.mark.parametrize("arguments", FOR_PEOPLE, ids=" ".join)
def test_in_a_pipe_no_line_is_broken_however_narrow(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    code = "FailedOperation.DetectFailed"
    printed = set()
    for columns in ("20", "80", "4000"):
        folder = tmp_path / columns
        folder.mkdir()
        flow = ConsoleFlow(f"sqlite:///{folder}/vindrop.db")
        name = flow.end(a_dead_letter(an_upload(f"{LONG}dock/7.jpg"), code))
        store = dict.fromkeys(
            ("VINDROP_LEDGER", "VINDROP_RESULTS", "VINDROP_DEAD_LETTERS"), flow.url
        )
        given = [each.format(id=name) for each in arguments]
        done = vindrop(*given, cwd=folder, COLUMNS=columns, **store)
        lines = (done.stdout + done.stderr).splitlines()
        printed.add(len(lines))
        if arguments[0] == "stats":
            assert f"dead letters: {code} 1" in [" ".join(each.split()) for each in lines]
        if arguments[0] == "settings":
            assert not [each for each in lines if each.startswith(" ")], "one setting a line"
    assert len(printed) == 1, "the terminal's width says nothing of a file's"
