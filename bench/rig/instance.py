"""One instance of a function: a forked process that works on one event at a time and can be killed.

It is told what to do over a pipe, and answers when it is done; an answer that never comes is a
crash, upon which the fleet does what a platform does: it brings the event again.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, Literal, cast

import requests  # noqa: F401  # loaded once, before the instances are forked
import tencentcloud.common.common_client  # noqa: F401

import vindrop.domain.schemas
import vindrop.stores.ledger.sql
import vindrop.stores.rate_limiter.sql
import vindrop.stores.sql.sqlite  # noqa: F401
from bench.rig import bare
from bench.rig.steps import STEPS, observe
from vindrop import settings as settings_module
from vindrop.core import sweep
from vindrop.core.app import App
from vindrop.core.invocation import Invocation
from vindrop.core.store_errors import StoreError
from vindrop.stores.sql import Database
from vindrop.triggers import upload_function
from vindrop.wiring import build

Kind = Literal["upload", "sweep", "naive", "sdk-retryer"]
NEVER: Final = ""


@dataclass(frozen=True)
class Job:
    """One invocation."""

    kind: Kind
    event: Any = None
    seconds: float = 30.0
    """The function's time limit."""
    kill: str = NEVER
    """Named point of the pipeline at which the process kills itself."""


ARRIVED: Final = "bench: an answer has arrived"
"""Line in an instance's log: what VinOCR billed beyond these was cut off, garbled, or came after
its caller had given up or was killed."""

ARRIVED_FROM: Final = "bench: this recognizer's answer has arrived: "
"""The same of several recognizers: its name follows."""


@dataclass(frozen=True)
class Setup:
    """What an instance is started with."""

    environment: dict[str, str]
    """Settings and keys, as the platform would give them."""
    log: Path
    skew: float = 0.0
    """Seconds that this instance's wall clock is wrong."""
    away: dict[str, Path] = field(default_factory=dict)
    """Database URL → flag file: while it exists that database is away."""


def work(setup: Setup, pipe: Connection, at: Any) -> None:
    """Serve until the pipe closes.

    :param at: shared integer: the step of the pipeline that was reached last, from 1; 0: none.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    log = os.open(setup.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if setup.skew:
        true_time = time.time
        time.time = lambda: true_time() + setup.skew
    app: App | None = None
    job = Job("sweep")

    def step(name: str) -> None:
        at.value = STEPS.index(name) + 1
        if name == "answered":
            os.write(log, f"{ARRIVED}\n".encode())
        if job.kill == name:
            os.kill(os.getpid(), signal.SIGKILL)

    def arrived(name: str) -> None:
        os.write(log, f"{ARRIVED_FROM}{name}\n".encode())

    while True:
        try:
            job = pipe.recv()
        except (EOFError, OSError):
            os._exit(0)
        at.value = 0
        started = time.monotonic()
        watchdog = threading.Timer(job.seconds, lambda: os.kill(os.getpid(), signal.SIGKILL))
        watchdog.daemon = True
        watchdog.start()  # as the platform: who overruns is killed
        error = ""
        found: Any = None
        try:
            if job.kind in {"naive", "sdk-retryer"}:
                found = bare.handle(job.event, setup.environment, retry=job.kind == "sdk-retryer")
            else:
                app = app or _build(setup, step, arrived)
                call = Invocation("scf", "bench", "bench", max(job.seconds - 0.5, 0.1))
                found = (
                    sweep.process(app, call)
                    if job.kind == "sweep"
                    else upload_function.process(app, job.event, call)
                )
        except Exception as failure:  # noqa: BLE001  # what a platform sees of any exception: it failed
            error = f"{type(failure).__name__}: {failure}"
        watchdog.cancel()
        try:
            pipe.send((error, found, time.monotonic() - started))
        except OSError:
            os._exit(0)


def _build(setup: Setup, step: Callable[[str], None], arrived: Callable[[str], None]) -> App:
    app = build(settings_module.load(_own(setup.environment)), setup.environment)
    observe(app, step, arrived)
    database = cast("Database | None", app.ledger.database)
    if database is not None and database.url in setup.away:
        _make_interruptible(database, setup.away[database.url])
    return app


def _own(environment: dict[str, str]) -> dict[str, str]:
    return {name: v for name, v in environment.items() if name.startswith("VINDROP_")}


def _make_interruptible(database: Database, flag: Path) -> None:
    """Let SQLite, which has no server to stop, be away while ``flag`` exists."""
    execute = database.execute

    def guarded(statement: str, **values: object) -> Any:
        if flag.exists():
            raise StoreError("the database is away (bench)")
        return execute(statement, **values)

    database.execute = guarded  # type: ignore[method-assign]
