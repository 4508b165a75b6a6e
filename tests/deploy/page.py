"""The commands of a deployment's page, and a shell that runs them as a reader's terminal would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.deploy.installed import OUR_OWN, ROOT

_VARIABLES = ".variables"


def commands(page: str) -> list[str]:
    """Return the lines of a page's first block, without their remarks.

    :param page: below docs/, such as ``deploy-aws.md``.
    """
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    (block, *_) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return [re.sub(r"\s+#.*", "", line) for line in block.splitlines()]


class CommandFailedError(Exception):
    """A command of the page ended with another status than 0; ``str()`` is what it said."""


class Shell:
    """Runs a line as a terminal would: what it exports is there for the next one."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.said = ""
        """Everything that was printed."""

    def __call__(self, line: str, *, more: dict[str, str] | None = None) -> str:
        """Return what the line prints to standard output.

        :param more: variables for this line alone.
        :raises CommandFailedError: it ended with another status than 0.
        """
        variables = self.folder / _VARIABLES
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", f"{line}\nenv -0 > {_VARIABLES}"],
            cwd=self.folder,
            env={**self.environment, **(more or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
        self.said += done.stdout + done.stderr
        if done.returncode:
            raise CommandFailedError(f"{line}\n{done.stdout}\n{done.stderr}".rstrip())
        kept = variables.read_bytes().split(b"\0")
        variables.unlink()
        self.environment = dict(one.decode().split("=", 1) for one in kept if b"=" in one)
        for name in more or {}:
            self.environment.pop(name, None)
        return done.stdout


def shell(clone: Path, loopback: dict[str, str], installed: dict[str, tuple[str, Path]]) -> Shell:
    """Return a shell in ``clone``, at home beside it, that knows nothing of this process's settings.

    :param loopback: what only the loopback needs, such as its address in place of the cloud's.
    :param installed: commands of the page → module and folder of the pinned package.
    """
    tools = clone.parent / "bin"
    tools.mkdir(exist_ok=True)
    for name, (module, home) in installed.items():
        (tools / name).write_text(
            f'#!/bin/sh\nPYTHONPATH={home} exec {sys.executable} -W ignore -m {module} "$@"\n'
        )
    (tools / "pip").write_text("#!/bin/sh\nexit 0\n")  # it is installed
    for tool in tools.iterdir():
        tool.chmod(0o755)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith((*OUR_OWN, "VIRTUAL_ENV"))
    }
    environment = {
        **kept,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "HOME": str(clone.parent),
        "SLS_TELEMETRY_DISABLED": "1",
        "NPM_CONFIG_UPDATE_NOTIFIER": "false",
        **loopback,
    }
    return Shell(clone, environment)
