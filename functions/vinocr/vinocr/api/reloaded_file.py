"""A JSON or TOML file that an operator may change while the server runs."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from vinocr import logging_json

Model = TypeVar("Model", bound=BaseModel)


class SettingsError(ValueError):
    """A setting is wrong. ``str()`` is one sentence that names it and says what is expected."""


class ReloadedFile(Generic[Model]):
    """The content of a file, read again when it changes; a broken new version is only logged.

    :param content: the content at start.
    :param path: None: the content never changes.
    :param changed: called after every reload.
    """

    def __init__(
        self,
        model: type[Model],
        path: Path | None,
        content: Model,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self._model = model
        self._path = path
        self._content = content
        self._changed = changed
        self._version = self._current_version()

    def current(self) -> Model:
        """Return the content of this moment."""
        version = self._current_version()
        if self._path is not None and version not in (None, self._version):
            self._version = version
            try:
                self._content = read(self._model, self._path)
            except SettingsError as error:
                logging_json.event("file_not_reloaded", file=self._path.name, why=str(error))
            else:
                logging_json.event("file_reloaded", file=self._path.name)
                self._changed()
        return self._content

    def _current_version(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat() if self._path else None
        except OSError:
            return None
        return (status.st_mtime_ns, status.st_size) if status else None


def read(model: type[Model], path: Path) -> Model:
    """Read a file, JSON or TOML by its ending.

    :raises SettingsError: unreadable, not JSON or TOML, or a wrong value.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise SettingsError(f"{path} cannot be read: {why}") from None
    kind = "TOML" if path.suffix == ".toml" else "JSON"
    try:
        document = _toml(text) if kind == "TOML" else json.loads(text)
    except (ValueError, RecursionError) as error:
        if isinstance(error, SettingsError):
            raise
        line = getattr(error, "lineno", None)
        where = f" (line {line})" if line else ""
        raise SettingsError(
            f"{path} is not TOML{where}" if kind == "TOML" else f"{path} is not JSON{where}"
        ) from None
    return parse(model, document, str(path))


def parse(model: type[Model], document: object, source: str) -> Model:
    """Check a document; ``source`` is its name in the error.

    :raises SettingsError: names the first thing that is wrong, without the value.
    """
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise SettingsError(f"{source}: {place}: {first['msg']}") from None


def _toml(text: str) -> dict[str, Any]:
    try:
        tomllib = importlib.import_module("tomllib")
    except ImportError:
        raise SettingsError("TOML needs Python 3.11: write the file as JSON") from None
    table: dict[str, Any] = tomllib.loads(text)
    return table
