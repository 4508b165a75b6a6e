"""The upload function under the platforms' own runtimes, on Python 3.10: cold, warm, exception, time-out."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from tests.pipeline.conftest import World, a_call, process
from tests.runtimes.conftest import SCF, Lambda, settings
from tests.runtimes.tools import Runtimes
from tests.triggers import payloads as p
from tests.triggers.test_batches import named
from vindrop.domain.upload import Upload
from vindrop.stores.ledger.sql import SQLLedger
from vindrop.stores.sql import Database

VIN = "5NPEVYK97FD841835"  # of plate-04.jpg


@pytest.fixture
def closing() -> Iterator[list[Any]]:
    running: list[Any] = []
    yield running
    for each in running:
        each.close()


def log_lines(path: Path) -> list[dict[str, Any]]:
    return [
        json.loads(line) for line in path.read_text().splitlines() if line.startswith('{"time"')
    ]


def test_scf_cold_warm_and_exception(
    world: World, runtimes: Runtimes, code: Path, closing: list[Any]
) -> None:
    function = SCF(runtimes, code, settings(world))
    closing.append(function)
    for number in (1, 2):  # cold, then warm: the same process
        answer = function.call(named(world.photo()))
        assert answer is not None
        assert answer["value"]["ended"] == {"reading": 1}, answer
        assert len(world.readings()) == number
    assert {r.vin for r in world.readings()} == {VIN}
    lines = [line for line in log_lines(function.log) if line["event"] == "reading"]
    assert len(lines) == 2
    assert all(line["request_id"] and "metric" in line and "_aws" not in line for line in lines)

    database = cast("Database", world.app().ledger.database)
    database.execute("ALTER TABLE vindrop_uploads RENAME TO away")
    answer = function.call(named(world.photo()))
    assert answer is not None
    assert "RedeliverError" in answer["error"]  # raised, so that SCF brings it again
    database.execute("ALTER TABLE away RENAME TO vindrop_uploads")
    answer = function.call({"what": "is this"})  # and it works on, in the same process
    assert answer is not None
    assert "is recognised by no trigger" in answer["value"]["error"]


def test_scf_a_wrong_setting_is_one_sentence(
    world: World, runtimes: Runtimes, code: Path, closing: list[Any]
) -> None:
    function = SCF(runtimes, code, settings(world, VINDROP_RESULT="x"))
    closing.append(function)
    answer = function.call(named(world.photo()))
    assert answer is not None
    assert "did you mean VINDROP_RESULTS?" in answer["error"]


def test_lambda_cold_warm_and_exception(
    world: World, runtimes: Runtimes, code: Path, closing: list[Any]
) -> None:
    function = Lambda(runtimes, code, settings(world))
    closing.append(function)
    for number in (1, 2):
        answer = function.call(p.sqs(named(world.photo()), "no JSON"))
        assert answer == {"batchItemFailures": []}, function.log.read_text()
        assert len(world.readings()) == number
    lines = [line for line in log_lines(function.log) if line["event"] == "reading"]
    assert len(lines) == 2
    assert all(line["request_id"] and line["function"] == "upload" for line in lines)
    assert all("CloudWatchMetrics" in line["_aws"] for line in lines)

    database = cast("Database", world.app().ledger.database)
    database.execute("ALTER TABLE vindrop_uploads RENAME TO away")
    photo = named(world.photo())
    assert function.call(p.sqs(photo)) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert function.call(photo)["errorType"] == "RedeliverError"
    database.execute("ALTER TABLE away RENAME TO vindrop_uploads")
    assert function.call(p.sqs(photo)) == {"batchItemFailures": []}


class Process(NamedTuple):
    pid: int
    command: bytes


def family(root: int) -> list[Process]:
    """Return a process and all that descend from it."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return [Process(pid, Path(f"/proc/{pid}/cmdline").read_bytes()) for pid in found]


def frozen_at_its_call(world: World, function: Any, upload: Upload) -> Any:
    """Freeze or kill the function once VinOCR has its call; return its answer, if it gave one."""
    called, ended = world.calls().received, threading.Event()

    def freeze() -> None:
        while world.calls().received == called:
            if ended.wait(0.05):
                return
        for each in family(function.process.pid):
            if b"bootstrap.py" in each.command:
                os.kill(each.pid, signal.SIGSTOP)
            elif b"awslambdaric" in each.command:  # its emulator asks a frozen one to end, for ever
                os.kill(each.pid, signal.SIGKILL)

    frozen = threading.Thread(target=freeze)
    frozen.start()
    answer = None
    with contextlib.suppress(OSError):  # the emulator hangs up when its runtime dies
        answer = function.call(named(upload))
    ended.set()
    frozen.join()
    return answer


@pytest.mark.parametrize("platform", [SCF, Lambda])
def test_a_call_killed_at_the_time_limit_is_read_later_and_once(
    world: World, runtimes: Runtimes, code: Path, closing: list[Any], platform: Any
) -> None:
    """The function freezes at its call, or dies; the platform ends it; the sweep finds what it had."""
    world.faults.set({"wait": 30.0})
    for seconds in (10, 30, 80):  # on a busy machine the first limits may come before the call
        upload, called = world.photo(), world.calls().received
        function = platform(runtimes, code, settings(world), seconds=seconds)
        closing.append(function)
        answer = frozen_at_its_call(world, function, upload)
        assert answer is None or "errorType" in answer, answer
        function.close()
        closing.clear()
        if world.calls().received > called:
            break
        for path in world.folder.glob("vindrop.db*"):
            path.unlink()
    assert (world.readings(), world.dead_letters()) == ([], [])

    world.faults.set()
    app = world.app()
    assert isinstance(app.ledger, SQLLedger)
    assert app.ledger.counts() == {"claimed": 1}
    app.ledger.end_leases()
    (due,) = app.ledger.retryable(10)
    assert due == dataclasses.replace(upload, uploaded_at=due.uploaded_at)
    assert process(app, due, a_call().seconds).end == "reading"
    assert [r.vin for r in world.readings()] == [VIN]
