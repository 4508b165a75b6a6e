"""``vindrop settings``: everything configurable; ``docs/settings.md`` is its ``--markdown``."""

from __future__ import annotations

import sys
from typing import Annotated, get_args

import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from vindrop.settings import PREFIX, Settings
from vindrop_local import show
from vindrop_local.show import console

_HEAD = """# Settings
Every setting of the functions, from the environment. Made from the model: `vindrop settings --markdown`.
A wrong one fails the start with one sentence that names it. Those without a default must be set.

| variable | default | what it is |
|---|---|---|
"""


def settings(
    *, markdown: Annotated[bool, typer.Option("--markdown", help="As docs/settings.md.")] = False
) -> None:
    """List every setting of the functions, its default, and what it is."""
    if markdown:
        sys.stdout.write(page())
        return
    console().print(
        show.settings_table(
            (PREFIX + name.upper(), _default(field), field.description or "")
            for name, field in Settings.model_fields.items()
        )
    )


def page() -> str:
    """Return docs/settings.md."""
    rows = [
        f"| `{PREFIX}{name.upper()}` | {_code(_default(field))} | {_kind(field)}{field.description} |\n"
        for name, field in Settings.model_fields.items()
    ]
    return _HEAD + "".join(rows)


def _default(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "(must be set)"
    if isinstance(field.default, SecretStr) or field.default in {"", ()}:
        return ""
    if isinstance(field.default, float):
        return f"{field.default:g}"
    return str(field.default)


def _code(text: str) -> str:
    return text if text.startswith("(") else f"`{text}`" if text else "–"


def _kind(field: FieldInfo) -> str:
    choices = get_args(field.annotation)
    if choices and all(isinstance(choice, str) for choice in choices):
        return "One of " + ", ".join(f"`{choice}`" for choice in choices) + ". "
    return ""
