"""docs/cli.md's table of exit statuses holds, row by row."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.test_cli import ROOT
from tests.library.conftest import a_dead_letter, a_reading, an_upload
from tests.stores.console_flow import VINS, ConsoleFlow
from vindrop_local import cli, language
from vindrop_local.commands import demo as demo_command
from vindrop_local.demo_report import Report
from vindrop_local.vinocr_process import Calls


def rows() -> dict[int, str]:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    table = page.partition("## Exit status\n")[2].partition("\n## ")[0]
    return {int(code): said for code, said in re.findall(r"(?m)^\| (\d+) \| (.+) \|$", table)}


def test_the_table_has_every_status() -> None:
    assert rows().keys() == {0, 1, 2, 130, 141}
    named = set(re.findall(r"`([a-z-]+)`", rows()[1]))
    assert named == {"recognize", "vin", "doctor", "demo", "invoke", "review"}


Ends = Callable[..., int]


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Ends:
    """Return what runs a command in this process and returns how it ends."""

    def ends(*words: str, **environment: str) -> int:
        with monkeypatch.context() as patched:
            for name, value in environment.items():
                patched.setenv(name, value)
            patched.setattr(sys, "argv", ["vindrop", *words])
            capfd.readouterr()
            try:
                return cli._run()
            except SystemExit as error:
                return int(str(error.code or 0))

    return ends


def test_0_where_it_is_done(ends: Ends) -> None:
    for words in (("settings",), ("vin", "1M8GDM9AXKP042788"), ("cost",), ("help",), ("-h",)):
        assert ends(*words) == 0, words


def test_1_where_something_is_not_as_it_should_be(
    ends: Ends, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    flow = ConsoleFlow(f"sqlite:///{tmp_path}/vindrop.db")
    name = flow.end(a_dead_letter(an_upload("a.jpg")))
    flow.end(a_reading(an_upload("b.jpg")))
    stores = dict.fromkeys(("VINDROP_LEDGER", "VINDROP_RESULTS", "VINDROP_DEAD_LETTERS"), flow.url)
    (tmp_path / "event.json").write_text('{"nobody": "knows this"}')
    (tmp_path / "empty.jpg").write_bytes(b"")
    decide = ("review", "decide", name[:12])
    assert ends(*decide, VINS[0], "--as", "ann", **stores) == 0
    keys = {f"VINDROP_VINOCR_SECRET_{each}": "x" for each in ("ID", "KEY")}
    for words, environment in (
        (("vin", "nonsense"), {}),
        (("doctor",), {}),
        (("recognize", "empty.jpg", "--endpoint", "127.0.0.1:1"), keys),
        (("invoke", "upload", "event.json"), stores | {"VINDROP_RATE": "none at all"}),
        ((*decide, VINS[1], "--as", "bob"), stores),
    ):
        assert ends(*words, **environment) == 1, words


def test_1_where_a_promise_broke(
    ends: Ends, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    lost = Report(uploads=2, sent=2, readings=[], dead_letters=[], calls=Calls(0, 0), truth={})
    monkeypatch.setattr(demo_command, "run", lambda *_, **__: lost)
    monkeypatch.chdir(tmp_path)
    assert ends("demo") == 1


def test_2_where_one_sentence_says_what_to_mend(
    ends: Ends, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    away = "postgresql://u:p@127.0.0.1:1/x?timeout_seconds=2"
    for words, environment in (
        (("nonsense",), {}),
        (("stats", "--days", "x"), {}),
        (("readings",), {}),
        (("readings", "--from", "sqlite:///missing.db"), {}),
        (("uploads",), {"VINDROP_LEDGER": away}),
        (("vin", "--file", "missing"), {}),
        (("recognize", "x.jpg", "--endpoint", "127.0.0.1:1"), {}),  # no keys
        (("demo", "--photos", "missing"), {}),
        (("ledger", "copy", "--from", "sqlite:///missing.db", "--to", "sqlite:///x.db"), {}),
    ):
        assert ends(*words, **environment) == 2, words
        out, err = capfd.readouterr()
        assert out == ""
        assert len(err.strip().splitlines()) == 1, err
    assert not (tmp_path / "missing.db").exists(), "a ledger that is not there is not made"


WRONG = (
    (("readings", "--from", "bogus://x"), "--from: "),
    (("readings", "--from", "x"), "--from: "),
    (("stats", "--from", "bogus://x"), "--from: "),
    (("dead-letters", "--from", "bogus://x"), "--from: "),
    (("uploads", "--ledger", "bogus://x"), "--ledger: "),
    (("review", "undo", "abcdefgh", "--ledger", "bogus://x"), "--ledger: "),
    (("ledger", "copy", "--from", "x", "--to", "sqlite:///y.db"), "--from "),
    (("ledger", "copy", "--from", "sqlite:///x", "--to", "y"), "--to "),
    (("up", "--rate", "0"), "--rate "),
    (("up", "--bucket", "a.file"), "--bucket "),
    (("up", "--state", "a.file"), "--state "),
    (("demo", "--state", "a.file"), "--state "),
    (("demo", "--state", "a.file/below"), "--state "),
    (("schema", "records", "--write-to", "a.file"), "--write-to "),
    (("recognize", "a.file", "b.file", "--annotate", "a.file"), "--annotate "),
    (("--lang", "fr", "vin"), "--lang "),
    (("schema", "oracle"), "Invalid value for 'kind': 'oracle'"),
)


@pytest.mark.parametrize(("words", "begins"), WRONG, ids=[" ".join(each) for each, _ in WRONG])
def test_2_blames_the_option_that_was_given_and_no_setting(
    ends: Ends,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    words: tuple[str, ...],
    begins: str,
) -> None:
    """In English and, where the words are there, in Chinese; without the words of a library."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.file").write_text("x")
    (tmp_path / "b.file").write_text("x")
    assert ends(*words) == 2
    said = capfd.readouterr().err
    assert f"vindrop: {begins}" in said
    assert "VINDROP_" not in said
    assert "Value error" not in said
    assert "File exists" not in said
    try:
        assert ends(*words, VINDROP_LANG="zh") == 2
        assert re.search("[一-鿿]", capfd.readouterr().err)
    finally:
        language.choose(["--lang", "en"])


def test_130_where_ctrl_c_ended_it(tmp_path: Path) -> None:
    # Whoever runs these tests in the background of a shell has them ignore it, and so the command.
    heeds = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    start = "from vindrop_local.__main__ import main; sys.exit(main())"
    command = [sys.executable, "-c", heeds + start, "vin", "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"1M8GDM9AXKP042788\n" * 1000)  # what is judged together
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"{"), "it reads its input by now"
        process.send_signal(signal.SIGINT)
        _, rest = process.communicate(timeout=60)  # both: who is not read from cannot end
        assert process.returncode == 130
    assert b"Traceback" not in rest


def test_141_where_nobody_reads_on(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "vindrop_local", "settings", "--json"]
    with os.fdopen(writing, "wb") as out:
        done = subprocess.run(
            command, cwd=tmp_path, stdout=out, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 141
    assert done.stderr == b""


@pytest.mark.parametrize("words", ["settings --json", "-h", "help operations"])
def test_2_where_the_output_has_no_room(words: str, tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m vindrop_local {words} >/dev/full"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("vindrop: the output cannot be written: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_0_where_nobody_wants_to_hear_it(closed: str, tmp_path: Path) -> None:
    command = f"{sys.executable} -m vindrop_local settings --json {closed}"
    done = subprocess.run(
        ["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def in_terminal(*words: str, cwd: Path, **environment: str) -> str:
    """Return what a command writes to a terminal."""
    ours, theirs = pty.openpty()
    clean = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "FORCE_COLOR"}}
    with subprocess.Popen(
        [sys.executable, "-m", "vindrop_local", *words],
        cwd=cwd,
        env=clean | {"TERM": "xterm-256color", "COLUMNS": "120"} | environment,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        found = b""
        while True:
            ready, _, _ = select.select([ours], [], [], 0.2)
            if ready:
                try:
                    found += os.read(ours, 65_536)
                except OSError:  # the other end is closed: all is read
                    break
            elif process.poll() is not None:
                break
    os.close(ours)
    return found.decode()


COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-7]|4[0-7]|9[0-7]|10[0-7]|38|48)(?=[;m])")


@pytest.mark.parametrize("words", [("vin", "1M8GDM9A0KP042788"), ("doctor",), ("nonsense",)])
def test_colours_are_off_in_a_pipe_and_by_no_color(
    ends: Ends, capfd: pytest.CaptureFixture[str], words: tuple[str, ...]
) -> None:
    def shown(**environment: str) -> str:
        ends(*words, **environment)
        return "".join(capfd.readouterr())

    assert COLOUR.search(shown(FORCE_COLOR="1"))
    assert not COLOUR.search(shown(FORCE_COLOR="1", NO_COLOR="1"))
    assert "\x1b" not in shown()


def test_colours_are_off_in_a_terminal_by_no_color(tmp_path: Path) -> None:
    words = ("vin", "1M8GDM9A0KP042788")
    assert COLOUR.search(in_terminal(*words, cwd=tmp_path))
    assert not COLOUR.search(in_terminal(*words, cwd=tmp_path, NO_COLOR="1"))
