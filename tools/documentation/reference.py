"""Reference pages, made from the code: what a person would otherwise have to keep in step by hand."""

from __future__ import annotations

import ast
import functools
import inspect
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import typer

from vindrop.domain import error_codes, failures, records, schemas, upload, vin
from vindrop.domain.error_codes import TABLE
from vindrop.http import openapi
from vindrop_local.cli import app

_MADE: Final = (
    "<!-- Made from the code by tools/documentation: change the code, not this page. -->\n"
)


def write(folder: Path) -> None:
    """Write every reference page into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("records.md", _records()),
        ("error-codes.md", _codes()),
        ("http-api.md", _api()),
        ("command-line.md", _commands()),
    ):
        (folder / name).write_text(_MADE + text, encoding="utf-8")


def _records() -> str:
    parts = [
        "# Records\n\nWhat is delivered, as [CloudEvents 1.0](https://cloudevents.io/): the fields of `data`. "
        "A field may be added under a version; none is ever changed or removed.\n"
    ]
    for name, record in sorted(records.TYPES.items()):
        schema = schemas.data_schema(record)
        parts.append(f"\n## `{name}`\n\n{_said(schema)}\n\n{_table(schema, record.__name__)}")
        for inner, described in sorted(schema.get("$defs", {}).items()):
            said = f"\n### {inner}\n\n{_said(described)}\n\n"
            if "properties" in described:
                parts.append(said + _table(described, inner))
            elif "enum" in described:
                parts.append(said + _choices(described, inner))
    return "".join(parts)


def _said(schema: dict[str, Any]) -> str:
    """Return what a class says of itself, without what only a programmer needs."""
    return str(schema.get("description", "")).partition("\n\n:")[0]


@functools.cache
def _comments(name: str) -> dict[str, str]:
    """Return field → the docstring below it, of a class of the domain: schemas do not carry them."""
    for module in (records, upload, vin, failures, error_codes):
        tree = ast.parse(inspect.getsource(module))
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return dict(_below(node.body))
    return {}


def _below(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    for line, after in itertools.pairwise(body):
        if isinstance(line, ast.AnnAssign):
            target: ast.expr = line.target
        elif isinstance(line, ast.Assign):
            target = line.targets[0]
        else:
            continue
        if (
            isinstance(target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            yield target.id, _cell(after.value.value)


def _cell(text: object) -> str:
    return " ".join(str(text).split()).replace("``", "`").replace("|", "\\|")


def _choices(schema: dict[str, Any], name: str) -> str:
    comments = _comments(name)
    lines = ["| value | what it means |\n|---|---|\n"]
    by_value = {each.value: each.name for each in getattr(_module_of(name), name)}
    lines += [f"| `{each}` | {comments.get(by_value[each], '')} |\n" for each in schema["enum"]]
    return "".join(lines)


def _module_of(name: str) -> Any:
    return next(m for m in (records, upload, vin, failures, error_codes) if hasattr(m, name))


def _table(schema: dict[str, Any], name: str) -> str:
    required = set(schema.get("required", ()))
    comments = _comments(name)
    lines = ["| field | type | always there | what it is |\n|---|---|---|---|\n"]
    for field_name, field in schema["properties"].items():
        about = _cell(field.get("description", "")) or comments.get(field_name, "")
        lines.append(
            f"| `{field_name}` | {_type(field)} | {'yes' if field_name in required else 'no'} | {about} |\n"
        )
    return "".join(lines)


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if "anyOf" in field:
        return " or ".join(_type(each) for each in field["anyOf"])
    if "enum" in field:
        return ", ".join(f"`{each}`" for each in field["enum"])
    kind = str(field.get("type", "any"))
    if kind == "array":
        return f"list of {_type(field['items'])}" if "items" in field else "list"
    return str(field.get("format", kind))


def _codes() -> str:
    head = (
        "# Error codes\n\nEvery code that VinOCR or vindrop gives, and what follows: the one table of "
        "`domain/error_codes.py`. A code without a line takes that of its longest dotted prefix. What a "
        "person does about a code is in [Operations](../operations.md#dead-letter-codes).\n\n"
        "| code | what becomes of the upload | billed | tried again | HTTP problem | in a state machine |\n"
        "|---|---|---|---|---|---|\n"
    )
    words = {True: "yes", False: "no", None: "cannot be known"}
    lines = [
        f"| `{code}` | {rule.disposition.name.lower().replace('_', ' ')} | {words[rule.billed]} | "
        f"{_again(rule)} | "
        f"`{rule.http_problem}` | `{rule.step_error}` |\n"
        for code, rule in sorted(TABLE.items())
    ]
    return head + "".join(lines)


def _again(rule: error_codes.Rule) -> str:
    if rule.disposition is error_codes.Disposition.OPEN_CIRCUIT:
        return "once the account is well"
    if rule.passing or rule.until_tomorrow:
        return "until it is too old"
    return "no" if rule.disposition.is_final else "a few times"


def _api() -> str:
    document = openapi.document()
    parts = [
        "# HTTP API\n\nThe function `http_api`, from its own OpenAPI description (`GET /openapi.json`). "
        "How to use it: [HTTP](../http.md).\n"
    ]
    for path, methods in document["paths"].items():
        for method, about in methods.items():
            said = about.get("summary") or about.get("description", "")
            parts.append(f"\n## {method.upper()} `{path}`\n\n{said}\n\n")
            parts += [
                f"- `{each['name']}` ({each['in']}): {each.get('description', '')}\n"
                for each in about.get("parameters", ())
            ]
            answers = [
                f"| {status} | {_answer(answer, document)} |\n"
                for status, answer in about.get("responses", {}).items()
            ]
            parts.append("\n| status | answer |\n|---|---|\n" + "".join(answers))
    return "".join(parts)


def _answer(answer: dict[str, Any], document: dict[str, Any]) -> str:
    if "$ref" in answer:
        name = str(answer["$ref"]).rpartition("/")[2]
        answer = document["components"]["responses"][name]
    return " ".join(str(answer.get("description", "")).split()).replace("|", "\\|")


def _commands() -> str:
    """Every command with its help, as the command line prints it."""
    parts = [
        "# Command line\n\nWhat `vindrop COMMAND -h` prints. Exit statuses and output: "
        "[The `vindrop` command](../cli.md).\n"
    ]
    for name, text in sorted(_helps()):
        parts.append(f"\n## `{name}`\n\n```text\n{text}\n```\n")
    return "".join(parts)


def _helps() -> Iterator[tuple[str, str]]:
    root: Any = typer.main.get_command(app)
    pending = [("vindrop", root, None)]
    while pending:
        name, command, parent = pending.pop()
        if name == "vindrop vinocr":
            continue  # the server says itself what it takes: docs/vinocr.md has its settings
        context = command.make_context(
            name.rpartition(" ")[2], [], parent=parent, resilient_parsing=True
        )
        context.terminal_width = context.max_content_width = 96
        yield name, command.get_help(context)
        pending += [
            (f"{name} {each}", inner, context)
            for each, inner in getattr(command, "commands", {}).items()
        ]


def as_json(folder: Path) -> None:
    """Write the OpenAPI description beside the pages."""
    (folder / "openapi.json").write_text(
        json.dumps(openapi.document(), ensure_ascii=False, indent=1), encoding="utf-8"
    )
