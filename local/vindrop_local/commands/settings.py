"""``vindrop settings``: everything configurable; ``docs/settings.md`` is its ``--markdown``."""

from __future__ import annotations

import sys
from typing import Annotated, get_args

import typer
from msgspec.structs import FieldInfo

from vindrop.domain.redaction import Secret
from vindrop.settings import description, fields, variable
from vindrop_local import show
from vindrop_local.commands.options import Json
from vindrop_local.errors import UserError
from vindrop_local.language import chosen, said
from vindrop_local.terminal import console, json_text

_HEAD = """# Settings
Every setting of the functions, from the environment. Made from the model: `vindrop settings --markdown`.
A wrong one fails the start with one sentence that names it. Those without a default must be set.

| variable | default | what it is |
|---|---|---|
"""


_HEAD_ZH = """# 设置
函数的所有设置，取自环境变量。本页由模型生成：中文环境下的 `vindrop settings --markdown`。
设置有误时函数无法启动，并用一句话指明是哪一个。没有默认值的必须设置。

| 变量 | 默认值 | 含义 |
|---|---|---|
"""
_KIND_ZH = ("可取 ", "、", "。")


def settings(
    *,
    markdown: Annotated[bool, typer.Option("--markdown", help="As docs/settings.md.")] = False,
    as_json: Json = False,
) -> None:
    """List every setting of the functions, its default, and what it is."""
    if markdown and as_json:
        raise UserError("say --markdown or --json, not both")
    if markdown:
        sys.stdout.write(page() if chosen() == "en" else chinese_page())
        return
    rows = [
        (variable(name), _default(field), description(field)) for name, field in fields().items()
    ]
    if as_json:
        for name, default, about in rows:
            line = {"variable": name, "default": default, "what": about}
            sys.stdout.write(json_text(line) + "\n")
        return
    out = console()
    out.print(show.settings_table(rows, narrow=out.is_terminal))


def page() -> str:
    """Return docs/settings.md."""
    rows = [
        f"| `{variable(name)}` | {_code(_default(field))} | {_kind(field)}{description(field)} |\n"
        for name, field in fields().items()
    ]
    return _HEAD + "".join(rows)


def chinese_page() -> str:
    """Return docs/zh/settings.md below its mark: the same table out of the catalogue."""
    rows = [
        f"| `{variable(name)}` | {_code(said(_default(field)))} | {_kind(field, _KIND_ZH)}"
        f"{said(description(field))} |\n"
        for name, field in fields().items()
    ]
    return _HEAD_ZH + "".join(rows)


def _default(field: FieldInfo) -> str:
    if field.required:
        return "(must be set)"
    if isinstance(field.default, Secret) or field.default in {"", ()}:
        return ""
    if isinstance(field.default, float):
        return f"{field.default:g}"
    return str(field.default)


def _code(text: str) -> str:
    return text if text.startswith(("(", "（")) else f"`{text}`" if text else "–"


def _kind(field: FieldInfo, words: tuple[str, str, str] = ("One of ", ", ", ". ")) -> str:
    choices = get_args(field.type)
    if choices and all(isinstance(choice, str) for choice in choices):
        return words[0] + words[1].join(f"`{choice}`" for choice in choices) + words[2]
    return ""
