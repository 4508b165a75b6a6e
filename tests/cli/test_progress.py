"""Where somebody looks, what takes a while says how far it is, how fast, and how long it still takes."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from tests.cli.test_exit_status import in_terminal
from tests.library.conftest import a_dead_letter, a_reading, an_upload
from tests.stores.console_flow import ConsoleFlow
from vindrop_local import language, progress

RATE, LEFT = re.compile(r"[\d.,]+ a second"), re.compile(r"\d+:\d\d:\d\d left")


@pytest.fixture
def terminal() -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=100, markup=False)


def written(out: Console) -> str:
    assert isinstance(out.file, io.StringIO)
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", out.file.getvalue())


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(progress, "AFTER", 0.0)
    yield
    language.choose(["--lang", "en"])


@pytest.mark.usefixtures("at_once")
def test_a_bar_tells_how_far_how_fast_and_how_long(terminal: Console) -> None:
    with progress.Progress("reading", 10, out=terminal) as bar:
        for _ in range(4):
            bar.advance()
        assert bar._bar is not None
        bar._bar.refresh()
    said = written(terminal)
    assert "reading" in said
    assert "4/10" in said
    assert RATE.search(said)
    assert LEFT.search(said)


@pytest.mark.usefixtures("at_once")
def test_it_tells_so_in_chinese(terminal: Console) -> None:
    language.choose(["--lang", "zh"])
    with progress.Progress("reading", 10, out=terminal) as bar:
        bar.advance(3)
        assert bar._bar is not None
        bar._bar.refresh()
    said = written(terminal)
    assert "正在识别" in said
    assert "个/秒" in said
    assert "剩余 0:00:0" in said
    assert "left" not in said


@pytest.mark.usefixtures("at_once")
def test_nothing_is_drawn_in_a_pipe_or_where_the_output_scrolls(terminal: Console) -> None:
    pipe = Console(file=io.StringIO(), force_terminal=False)
    for out, shown in ((pipe, True), (terminal, False)):
        with progress.Progress("reading", 10, out=out, shown=shown) as bar:
            bar.advance(5)
        assert written(out) == ""


def test_what_ends_at_once_needs_no_bar(terminal: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "AFTER", 1e9)
    with progress.Progress("reading", 10, out=terminal) as bar:
        bar.advance(5)
    assert written(terminal) == ""


def test_each_command_that_may_take_long_has_one(tmp_path: Path) -> None:
    """In a terminal, with a delay of none: the commands themselves, as they are called."""
    flow = ConsoleFlow(f"sqlite:///{tmp_path}/vindrop.db")
    for number in range(30):
        flow.end(a_dead_letter(an_upload(f"a{number}.jpg")))
        flow.end(a_reading(an_upload(f"b{number}.jpg")))
    stores = dict.fromkeys(("VINDROP_LEDGER", "VINDROP_RESULTS", "VINDROP_DEAD_LETTERS"), flow.url)
    # Python reads this at its start: the bar is drawn at once, however fast the machine is.
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if sys.argv[0] != '-c':\n"
        "    import vindrop_local.progress as p\n"
        "    p.AFTER = 0.0\n"
    )
    here = {"PYTHONPATH": str(tmp_path)} | stores
    for words, total in (
        (("export", "--out", "all.csv"), "60"),
        (("ledger", "copy", "--from", flow.url, "--to", f"sqlite:///{tmp_path}/copy.db"), "60"),
        (("dead-letters", "redrive", "--all"), "30"),
    ):
        said = in_terminal(*words, cwd=tmp_path, **here)
        assert f"/{total}" in said, said
        assert RATE.search(said), said
        assert LEFT.search(said), said
