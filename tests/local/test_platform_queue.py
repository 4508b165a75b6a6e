"""The platform's asynchronous side: retries, dead letters, timers, restarts, SIGKILL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from vindrop_local.platform import DeadEvent, EventTooLargeError, FunctionSpec, Platform, Result

CODE = """
import os, time
def main_handler(event, context):
    with open(os.environ["OUT"], "a") as out:
        out.write(f"{event.get('n', '-')} {os.getpid()} {context['request_id']}\\n")
    if event.get("fail", 0):
        tries = open(os.environ["OUT"]).read().splitlines()
        mine = [line for line in tries if line.split()[0] == str(event["n"])]
        if len(mine) <= event["fail"]:
            raise RuntimeError("not yet")
    time.sleep(event.get("sleep", 0))
"""


class Runs:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.code = folder / "code"
        self.code.mkdir()
        (self.code / "handler.py").write_text(CODE)
        self.out = folder / "out"
        self.out.touch()
        self.done: list[tuple[str, Result]] = []
        self.dead: list[DeadEvent] = []

    def spec(self, **more: Any) -> FunctionSpec:
        return FunctionSpec(
            "f",
            self.code,
            environment={"OUT": str(self.out)},
            **{"retry_delays": (0.05, 0.05), **more},
        )

    def platform(self, on_dead: Callable[[DeadEvent], None] | None = None, **spec: Any) -> Platform:
        return Platform(
            self.folder / "state",
            [self.spec(**spec)],
            on_done=lambda _, event_id, result: self.done.append((event_id, result)),
            on_dead=on_dead or self.dead.append,
        )

    def tries(self) -> list[str]:
        return [line.split()[0] for line in self.out.read_text().splitlines()]

    def more_than(self, count: int) -> bool:
        return len(self.tries()) > count


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    return Runs(tmp_path)


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited 20 s in vain"
        time.sleep(0.01)


def test_an_event_is_called_once(runs: Runs) -> None:
    with runs.platform() as platform:
        platform.enqueue("f", {"n": 1, "sleep": 0.3}, "one")
        platform.enqueue("f", {"n": 1, "sleep": 0.3}, "one")
        until(lambda: runs.done)
        assert platform.counts() == {"waiting": 0, "running": 0, "dead": 0}
    assert runs.tries() == ["1"]
    assert [(i, r.ok) for i, r in runs.done] == [("one", True)]


def test_a_failed_event_is_tried_twice_more_as_the_same_request(runs: Runs) -> None:
    with runs.platform() as platform:
        platform.enqueue("f", {"n": 1, "fail": 2}, "one")
        until(lambda: len(runs.done) == 3)
        assert platform.counts() == {"waiting": 0, "running": 0, "dead": 0}
    assert [r.ok for _, r in runs.done] == [False, False, True]
    assert len({r.request_id for _, r in runs.done}) == 1
    assert runs.dead == []


def test_after_the_last_try_it_is_a_dead_letter_that_can_be_driven_again(runs: Runs) -> None:
    with runs.platform() as platform:
        platform.enqueue("f", {"n": 1, "fail": 3}, "one")
        until(lambda: runs.dead)
        (dead,) = platform.dead()
        assert (dead.id, dead.attempts, dead.event) == ("one", 3, {"n": 1, "fail": 3})
        assert (dead.error_type, dead.error_message) == ("RuntimeError", "not yet")
        assert "not yet" in repr(dead)
        assert "'fail'" not in repr(dead), "an event holds a signature and must not be printed"
        platform.redrive(dead)
        until(lambda: len(runs.done) == 4)
        assert platform.counts() == {"waiting": 0, "running": 0, "dead": 0}
    assert runs.done[-1][1].ok


def test_the_callback_of_a_dead_letter_is_called_until_it_returns(runs: Runs) -> None:
    def full_disk(_: DeadEvent) -> None:
        raise OSError("no space left")

    with runs.platform(full_disk, retry_delays=()) as platform:
        platform.enqueue("f", {"n": 1, "fail": 9}, "one")
        until(lambda: platform.counts()["dead"])
    with runs.platform():
        until(lambda: runs.dead)
    with runs.platform():
        pass
    assert [each.id for each in runs.dead] == ["one"]


def test_without_room_events_wait_and_use_up_no_retry(runs: Runs) -> None:
    with runs.platform(concurrency=1, retry_delays=()) as platform:
        for n in range(5):
            platform.enqueue("f", {"n": n, "sleep": 0.05}, str(n))
        until(lambda: len(runs.done) == 5)
    assert runs.tries() == ["0", "1", "2", "3", "4"]
    assert all(result.ok for _, result in runs.done)


def test_a_time_limit_is_an_error_and_is_tried_again(runs: Runs) -> None:
    with runs.platform(timeout_seconds=0.5) as platform:
        platform.enqueue("f", {"n": 1, "sleep": 60}, "one")
        until(lambda: runs.dead)
    assert runs.tries() == ["1", "1", "1"]
    assert runs.dead[0].error_type == "TimeLimitReached"


def test_closing_lets_running_calls_finish_and_keeps_the_rest(runs: Runs) -> None:
    with runs.platform(concurrency=1) as platform:
        platform.enqueue("f", {"n": "running", "sleep": 0.7}, "a")
        platform.enqueue("f", {"n": "waiting"}, "b")
        until(runs.tries)
    assert [(i, r.ok) for i, r in runs.done] == [("a", True)]
    with runs.platform():
        until(lambda: len(runs.done) == 2)
    assert runs.tries() == ["running", "waiting"]


def test_what_closing_had_to_kill_is_called_again_without_using_a_retry(runs: Runs) -> None:
    platform = runs.platform(retry_delays=())
    platform.start()
    platform.enqueue("f", {"n": 1, "sleep": 1.5}, "a")
    until(runs.tries)
    platform.close(0)
    assert runs.dead == []
    with runs.platform(retry_delays=()) as again:
        until(lambda: len(runs.tries()) == 2)
        assert again.counts()["dead"] == 0
        until(lambda: [r.ok for _, r in runs.done][-1:] == [True])


def test_events_that_are_too_large_or_no_json(runs: Runs) -> None:
    with runs.platform() as platform:
        platform.enqueue("f", "x" * 131070, "fits")
        with pytest.raises(EventTooLargeError, match="131073 bytes"):
            platform.enqueue("f", "x" * 131071, "large")
        with pytest.raises(TypeError):
            platform.enqueue("f", {1, 2}, "set")
        with pytest.raises(ValueError, match="there are: f"):
            platform.enqueue("g", {}, "who")


def test_a_timer_sends_scfs_event(runs: Runs, shared: Path) -> None:
    documented = json.loads((shared / "events" / "timer_doc.json").read_text())
    got: list[Any] = []
    (runs.code / "handler.py").write_text("def main_handler(event, context): return event")
    platform = Platform(
        runs.folder / "state", [runs.spec()], on_done=lambda *done: got.append(done)
    )
    platform.every(0.1, "f", "go", trigger="Often")
    with platform:
        until(lambda: len(got) >= 3)
    function, event_id, result = got[0]
    assert (function, event_id) == ("f", "timer/Often")
    assert result.value.keys() == documented.keys()
    assert (result.value["Type"], result.value["TriggerName"]) == ("Timer", "Often")
    assert result.value["Message"] == "go"


SCRIPT = """
import sys, time
from pathlib import Path
from vindrop_local.platform import FunctionSpec, Platform
folder = Path(sys.argv[1])
spec = FunctionSpec("f", folder / "code", environment={"OUT": str(folder / "out")},
                    concurrency=4, retry_delays=())
with Platform(folder / "state", [spec]) as platform:
    for n in range(int(sys.argv[2])):
        platform.enqueue("f", {"n": n, "sleep": 0.1}, str(n))
    print("ready", flush=True)
    while sum(platform.counts().values()):
        time.sleep(0.01)
"""


def test_sigkill_loses_no_event_and_leaves_no_process(runs: Runs) -> None:
    count = 40
    for run in range(4):
        added = str(count if run == 0 else 0)
        parent = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(runs.folder), added],
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            assert parent.stdout is not None
            assert parent.stdout.readline() == b"ready\n"
            if run < 3:
                until(partial(runs.more_than, len(runs.tries()) + 4))
            else:
                assert parent.wait(60) == 0
        finally:
            if parent.returncode is None:
                os.killpg(parent.pid, signal.SIGKILL)
            parent.communicate()
        pids = {int(line.split()[1]) for line in runs.out.read_text().splitlines()}
        until(partial(none_runs, pids))
    tries = runs.tries()
    assert set(tries) == {str(n) for n in range(count)}
    assert len(tries) <= count + 3 * 4, "only what was under way is called again"


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels cannot signal a closed pipe")
def test_a_call_that_lets_no_other_thread_run_dies_with_us_too(runs: Runs) -> None:
    (runs.code / "handler.py").write_text(
        "import os, re\n"
        "def main_handler(event, context):\n"
        "    open(os.environ['OUT'], 'w').write(f'1 {os.getpid()}')\n"
        "    re.match('(a+)+$', 'a' * 60 + 'b')\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(runs.folder), "1"], stdout=subprocess.DEVNULL
    )
    try:
        until(runs.tries)
        pid = int(runs.out.read_text().split()[1])
        assert is_function(pid)
    finally:
        parent.kill()
        parent.wait()
    until(lambda: not is_function(pid))


def is_function(pid: int) -> bool:
    try:
        return b"bootstrap.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


def none_runs(pids: Iterable[int]) -> bool:
    return not any(is_function(pid) for pid in pids)


def test_many_events_and_threads_at_once(runs: Runs) -> None:
    with runs.platform(concurrency=3) as platform:

        def add(start: int) -> None:
            for n in range(start, start + 20):
                platform.enqueue("f", {"n": n}, str(n))

        threads = [threading.Thread(target=add, args=(n * 20,)) for n in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        until(lambda: len(runs.done) == 80)
        assert len(platform.pids()) <= 3
    assert sorted(map(int, runs.tries())) == list(range(80))
