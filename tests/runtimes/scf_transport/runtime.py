"""Stands in for SCF's transport under its own bootstrap: events come as lines of JSON, answers go as such.

On SCF the module ``runtime`` is native; in Tencent's command line it makes one call and exits.
"""

from __future__ import annotations

import json
import os
import sys
from types import SimpleNamespace
from typing import Any

_events = os.fdopen(os.dup(0), "r")
_answers = os.fdopen(int(os.environ.pop("TRANSPORT_FD")), "w")
_request: dict[str, str] = {}


def init() -> int:
    os.environ["SOCKETPATH"] = os.environ["CONTAINERID"] = ""  # bootstrap.py deletes them
    return 0


def wait_for_invoke() -> SimpleNamespace:
    info = SimpleNamespace(sockfd=-1)
    if not _request:
        info.cmd, info.event, info.context = "RELOAD", "", sys.argv[1]
        _request["id"] = ""
        return info
    line = _events.readline()
    if not line:
        os._exit(0)
    call = json.loads(line)
    _request["id"] = call["context"]["request_id"]
    # bootstrap.py evaluates both as Python.
    info.cmd, info.event, info.context = "EVENT", repr(call["event"]), repr(call["context"])
    return info


def _answer(**fields: Any) -> None:
    _answers.write(json.dumps({"request_id": _request["id"], **fields}) + "\n")
    _answers.flush()


def report_running() -> None:
    pass


def report_done(message: str, error_type: int = 0) -> None:
    _answer(value=json.loads(message))


def report_fail(stack: str, memory_kb: int, code: int) -> None:
    _answer(error=stack)


def console_log(message: str, err: bool = False) -> None:
    os.write(2, message.encode())


def log(message: str) -> None:
    console_log(f"# {message}\n")
