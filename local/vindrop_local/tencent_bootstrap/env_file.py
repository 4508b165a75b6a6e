"""`.env`, which `osls deploy` reads: lines are added and filled in, and no line is lost."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Final

from vindrop_local import env_lines
from vindrop_local.errors import UserError

_LINE: Final = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)")
_PLACEHOLDER: Final = "PASSWORD@HOST"
"""What `.env.example` holds in place of a database."""


class EnvFile:
    """Settings and keys, one NAME=value a line; readable by its owner only."""

    def __init__(self, path: Path) -> None:
        """Read it where it is there.

        :raises UserError: it cannot be read.
        """
        self.path = path
        try:
            self._lines = path.read_text().splitlines()
        except FileNotFoundError:
            self._lines = []
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path} cannot be read: {error}") from None

    def get(self, name: str) -> str:
        """Return a value; empty where it is missing or a placeholder. The last line of a name counts."""
        found = ""
        for line in self._lines:
            if (match := _LINE.fullmatch(line)) and match[1] == name:
                found = env_lines.value(match[2])
        return "" if _PLACEHOLDER in found else found

    def missing(self, values: dict[str, str]) -> list[str]:
        """Return the names whose value is another one than in ``values``."""
        return [name for name, value in values.items() if self.get(name) != value]

    def put(self, values: dict[str, str]) -> None:
        """Write ``values`` before anything else is done: what is lost here can be lost for good.

        :raises UserError: the folder cannot be written to.
        """
        left = {name: values[name] for name in self.missing(values)}
        if not left:
            return
        lines = []
        for line in self._lines:
            match = _LINE.fullmatch(line)
            if match and match[1] in left:
                if match[1] in values:
                    lines.append(f"{match[1]}={env_lines.quoted(values[match[1]])}")
                    values = {name: value for name, value in values.items() if name != match[1]}
                continue
            lines.append(line)
        lines += [f"{name}={env_lines.quoted(left[name])}" for name in left if name in values]
        self._replace("".join(f"{line}\n" for line in lines))
        self._lines = lines

    def _replace(self, text: str) -> None:
        folder = self.path.resolve().parent
        try:
            # mkstemp: nobody else may read it from its first byte on
            handle, name = tempfile.mkstemp(dir=folder, prefix=".env-")
            with os.fdopen(handle, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self.path)
        except OSError as error:
            raise UserError(f"{self.path} cannot be written: {error.strerror}") from None
