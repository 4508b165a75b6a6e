"""Runs inside a function's process: load the handler as the platform does, then call it.

Nothing of ours may be imported here: a function sees its own packages only. Requests and
answers are lines of JSON on the socket whose number is the last argument but one; when it closes,
our parent is gone and we go too, with whatever we have started.
"""

from __future__ import annotations

import fcntl
import importlib
import importlib.util
import json
import os
import queue
import signal
import socket
import sys
import threading
import time
import traceback
from typing import Any

MAX_ANSWER_BYTES = 6 * 1024 * 1024


class LambdaContext:
    """The context object that Lambda passes to a Python handler."""

    def __init__(self, fields: dict[str, Any], deadline: float) -> None:
        """Take the fields as attributes. ``deadline`` is by `time.monotonic`."""
        self._deadline = deadline
        self.identity = None
        self.client_context = None
        for name, value in fields.items():
            setattr(self, name, value)

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the call may still take, in milliseconds."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def load(style: str, folder: str, handler: str) -> Any:
    """Import the handler's file and return the function.

    SCF loads it from its path under an empty name that is never registered (so that e.g. a
    dataclass with postponed annotations in it fails, here as there); Lambda imports it.
    """
    module_name, _, function_name = handler.partition(".")
    if style == "lambda":
        module = importlib.import_module(module_name)
    else:
        file = os.path.join(folder, module_name + ".py")  # noqa: PTH118 - pathlib costs cold start
        spec = importlib.util.spec_from_file_location("", file)
        if spec is None or spec.loader is None:
            raise ImportError(f"cannot load {file}")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    function = getattr(module, function_name, None)
    if not callable(function):
        raise AttributeError(f"{module_name}.py has no function {function_name}")  # noqa: TRY004 - as Python says it
    return function


def failure(error: BaseException) -> dict[str, Any]:
    """Describe an exception, its traceback printed as the platforms' logs have it."""
    traceback.print_exception(type(error), error, error.__traceback__)
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - an exception that cannot say what it is
        message = ""
    return {"ok": False, "error_type": type(error).__name__, "error_message": message}


def answer(function: Any, style: str, request: dict[str, Any]) -> dict[str, Any]:
    """Make one call and return what is sent back."""
    os.environ.update(request["environment"])  # keys of a role are renewed while a process lives
    context: Any = request["context"]
    if style == "lambda":
        context = LambdaContext(context, time.monotonic() + request["seconds"])
    began = time.monotonic()
    try:
        value = function(request["event"], context)
    except BaseException as error:  # noqa: BLE001 - SystemExit too: it ends the process, after the answer
        result = failure(error)
        if isinstance(error, (SystemExit, KeyboardInterrupt)):
            result["exit"] = True
        return {**result, "seconds": time.monotonic() - began}
    seconds = time.monotonic() - began
    try:
        size = len(json.dumps(value))
        wrong = f"the answer has {size} bytes, up to {MAX_ANSWER_BYTES} fit"
    except (TypeError, ValueError) as error:
        size, wrong = -1, f"the handler's answer is not JSON: {error}"
    if 0 <= size <= MAX_ANSWER_BYTES:
        return {"ok": True, "value": value, "seconds": seconds}
    bad = {"ok": False, "error_type": "ResponseError", "error_message": wrong}
    return {**bad, "seconds": seconds}


def watch(channel: socket.socket, requests: queue.Queue[bytes]) -> None:
    """Read requests in a thread, so that the parent's end is noticed in the middle of a call."""
    try:
        with channel.makefile("rb") as lines:
            for line in lines:
                requests.put(line)
    finally:  # not only at the end of file: a parent killed with our answer unread resets the socket
        os.killpg(0, signal.SIGKILL)


def die_with(pipe: int) -> None:
    """Have the kernel kill our process group when the parent, who alone can write to ``pipe``, dies.

    `watch` does the same, but not while a call into C (a regular expression that never ends) keeps
    every other thread from running. Linux only: a signal of one's choice for input (fcntl(2)).
    """
    if not hasattr(fcntl, "F_SETSIG"):
        return
    fcntl.fcntl(pipe, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)


def main(style: str, folder: str, handler: str, number: str, pipe: str) -> None:
    """Serve until the parent closes the socket."""
    die_with(int(pipe))
    channel = socket.socket(fileno=int(number))
    requests: queue.Queue[bytes] = queue.Queue()
    threading.Thread(target=watch, args=(channel, requests), daemon=True).start()

    def send(message: dict[str, Any], mark: str = "") -> None:
        # The mark ends this call's log: what the reader sees before it belongs to the call.
        sys.stdout.flush()
        sys.stderr.flush()
        if mark:
            os.write(1, f"\n{mark}\n".encode())
        channel.sendall(json.dumps(message).encode() + b"\n")

    try:
        sys.path[0] = folder
        function = load(style, folder, handler)
    except BaseException as error:  # noqa: BLE001 - SystemExit too
        send(failure(error))
        os._exit(1)
    send({"ok": True})
    while True:
        request = json.loads(requests.get())
        send({"began": True})  # from here on the call counts, whatever becomes of this process
        result = answer(function, style, request)
        send(result, request["mark"])
        if result.get("exit"):
            os._exit(1)


if __name__ == "__bootstrap__":
    main(*sys.argv[-5:])
