"""The command line in a process of its own, without what 300 starts of it would load again.

`vindrop` forks from a process that has the command's modules loaded (multiprocessing's forkserver):
arguments, environment, folder, standard output and exit status are the new process's own. What
Python itself reads from the environment when it starts has it started from nothing.
"""

from __future__ import annotations

import atexit
import functools
import multiprocessing
import os
import subprocess
import sys
import tempfile
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Final

SECONDS: Final = 180
_LOADED: Final = ("tests.commands", "vindrop_local.cli", "vindrop.wiring", "vindrop.stores.sql")
_OF_PYTHON: Final = ("PYTHON", "LANG", "LC_", "TZ")


def vindrop(*arguments: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run ``vindrop ARGUMENTS`` in ``cwd``, with ``environment`` and without settings of our own."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("VINDROP_", "VINOCR_"))}
    given = clean | {"COLUMNS": "120"} | environment
    command = [sys.executable, "-m", "vindrop_local", *arguments]
    if not any(name.startswith(_OF_PYTHON) for name in environment):
        return _forked(command, cwd, given)
    return subprocess.run(
        command, cwd=cwd, env=given, capture_output=True, text=True, check=False, timeout=SECONDS
    )


def _forked(
    command: list[str], cwd: Path, environment: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    from tests.leaks import heard

    with tempfile.TemporaryDirectory() as folder:
        outputs = [Path(folder, "stdout"), Path(folder, "stderr")]
        for path in outputs:
            path.touch()
        process = _context().Process(target=_run, args=(command[3:], cwd, environment, outputs))
        process.start()
        process.join(SECONDS)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(command, SECONDS)
        out, err = (path.read_text() for path in outputs)
    heard("a command's stdout", out)
    heard("a command's stderr", err)
    return subprocess.CompletedProcess(command, process.exitcode, out, err)


@functools.cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_LOADED))
    return context


def _run(arguments: list[str], cwd: Path, environment: dict[str, str], outputs: list[Path]) -> None:
    for number, path in enumerate(outputs, 1):
        opened = os.open(path, os.O_WRONLY | os.O_APPEND)
        os.dup2(opened, number)
        os.close(opened)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(cwd)
    from vindrop_local import __main__

    sys.argv = [str(__main__.__file__), *arguments]
    try:
        __main__.main()
    finally:
        atexit._run_exitfuncs()
