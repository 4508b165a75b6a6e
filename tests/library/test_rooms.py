"""The house stays as drawn in docs/architecture.md: few rooms, no circles, one error table."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[2] / "layers" / "vindrop" / "vindrop"

ROOMS = {"domain", "core", "clouds", "stores", "destinations", "recognizers", "triggers", "http"}
MODULES = {"settings", "telemetry", "tracing", "wiring"}


def modules() -> dict[str, Path]:
    """Return name → file, such as ``vindrop.core.pipeline``."""
    found = {}
    for path in LIBRARY.rglob("*.py"):
        parts = path.relative_to(LIBRARY.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: dict[str, Path], *, late: bool) -> Iterator[str]:
    """Yield the modules of ours that ``path`` imports.

    :param late: also inside functions, and for the type checker alone.
    """
    tree = ast.parse(path.read_text())
    inside: set[ast.AST] = set()
    if not late:
        for node in ast.walk(tree):
            typing_only = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            if typing_only or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                inside.update(ast.walk(node))
    for node in ast.walk(tree):
        if node in inside:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vindrop"):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in known else str(node.module)


def test_the_library_has_at_most_eight_rooms_and_five_modules() -> None:
    folders = [each for each in LIBRARY.iterdir() if (each / "__init__.py").exists()]
    files = [each for each in LIBRARY.glob("*.py") if each.stem != "__init__"]
    assert len(folders) <= 8, folders
    assert len(files) <= 5, files
    assert {each.stem for each in (*folders, *files)} == ROOMS | MODULES


def test_no_two_modules_import_each_other_in_a_circle() -> None:
    known = modules()
    needs = {name: set(imports(path, known, late=False)) - {name} for name, path in known.items()}
    while free := {name for name, others in needs.items() if not others & needs.keys()}:
        for name in free:
            del needs[name]
    assert not needs, f"each of these imports another one of them: {sorted(needs)}"


def test_no_file_but_the_table_names_an_error_code_in_a_condition() -> None:
    found = subprocess.run(
        ["grep", "-rnE", "--include=*.py", '"(FailedOperation|RequestLimit|AuthFailure)', LIBRARY],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.splitlines()
    elsewhere = [line for line in found if not line.startswith(f"{LIBRARY}/domain/error_codes.py:")]
    assert len(found) > 10
    assert not elsewhere, "\n".join(elsewhere)
