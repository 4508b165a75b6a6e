"""A PostgreSQL server of one's own, in a folder, on a free port, that can be stopped and started."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from vindrop_local.serving import free_port

USER = "bench"


class MissingError(RuntimeError):
    """PostgreSQL is not installed. ``str()`` says what to install."""


def _program(name: str) -> str:
    found = [shutil.which(name), *sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))]
    for path in reversed([each for each in found if each]):
        return str(path)
    raise MissingError(f"{name} is missing: apt-get install postgresql")


class Postgres:
    """``with Postgres(folder) as server``: `url`, `stop` and `start` as often as wanted.

    A folder that holds the data of an earlier one is opened as it is.
    """

    def __init__(self, folder: Path) -> None:
        self._data = folder / "pg"
        self._log = folder / "pg.log"
        self._port = free_port()
        # The server refuses to run as root, as which containers often run.
        self._as = {"user": "nobody", "group": "nogroup"} if os.geteuid() == 0 else {}
        folder.mkdir(parents=True, exist_ok=True)
        self._data.mkdir(exist_ok=True)
        self._log.touch()
        if self._as:
            for each in (self._data, self._log):
                shutil.chown(each, "nobody", "nogroup")
            for each in (folder, *folder.parents[:1]):
                each.chmod(0o755)

    def __enter__(self) -> Postgres:  # noqa: PYI034 - Self is of 3.11
        if not any(self._data.iterdir()):
            self._run(
                _program("initdb"), "-D", str(self._data), "-U", USER, "-A", "trust", "-E", "UTF8"
            )
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """Of the database."""
        return f"postgresql://{USER}@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Start it and wait until it answers."""
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c max_connections=300"
        options += f" -k {self._data}"
        self._run(
            _program("pg_ctl"), "-D", str(self._data), "-l", str(self._log), "-w", "-o", options,
            "start",
        )  # fmt: skip

    def stop(self) -> None:
        """Stop it as a crash does."""
        self._run(_program("pg_ctl"), "-D", str(self._data), "-m", "immediate", "-w", "stop")

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=120,
            cwd="/",
            extra_groups=[] if self._as else None,
            user=self._as.get("user"),
            group=self._as.get("group"),
        )
        if done.returncode:
            raise RuntimeError(f"{Path(command[0]).name}: {done.stderr.decode()[-300:]}")
