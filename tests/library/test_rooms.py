"""The house stays as drawn in docs/architecture.md: few rooms, imports that point inward, small files."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[2] / "layers" / "vindrop" / "vindrop"
PRODUCT = ("layers", "functions", "local", "tools")

# Room → what it may import, besides itself: inside functions and for types alone, too.
_FREE = {"settings", "telemetry", "tracing"}
_CORE = {"domain", "core", *_FREE}
_STORES = {*_CORE, "clouds", "stores"}
MAY_IMPORT = {
    "domain": set[str](),
    "core": _CORE,
    "clouds": _CORE,
    "stores": _STORES,
    "destinations": _STORES,
    "recognizers": _STORES,
    "triggers": _STORES,
    "http": {*_STORES, "destinations", "recognizers", "triggers"},
    **{name: {"domain", *_FREE} for name in _FREE},
    "wiring": {*_STORES, "destinations", "recognizers", "triggers", "http"},
}


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


def room(name: str) -> str:
    return name.split(".")[1] if "." in name else ""


def test_the_library_has_at_most_eight_rooms_and_five_modules() -> None:
    folders = [each for each in LIBRARY.iterdir() if (each / "__init__.py").exists()]
    files = [each for each in LIBRARY.glob("*.py") if each.stem != "__init__"]
    assert len(folders) <= 8, folders
    assert len(files) <= 5, files
    assert {each.stem for each in (*folders, *files)} == set(MAY_IMPORT)


def test_imports_point_inward() -> None:
    known = modules()
    wrong = [
        f"{name} imports {other}"
        for name, path in known.items()
        for other in imports(path, known, late=True)
        if room(other) and room(other) not in MAY_IMPORT[room(name)] | {room(name)}
    ]
    assert not wrong, "\n".join(wrong)


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


def test_files_and_functions_are_short() -> None:
    long: list[str] = []
    for folder in PRODUCT:
        for path in (LIBRARY.parents[2] / folder).rglob("*.py"):
            text = path.read_text()
            if (lines := text.count("\n")) > 350:
                long.append(f"{path}: {lines} lines")
            long += [
                f"{path}: {node.name} has {length} lines"
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
                and (length := (node.end_lineno or 0) - node.lineno + 1) > 60
            ]
    assert not long, "\n".join(long)


AFTER_THE_CALL = {
    f"vindrop/domain/{name}.py"
    for name in (
        "check_digit",
        "manufacturers",
        "model_year",
        "placeholders",
        "regions",
    )
}
"""What a VIN says of itself: loaded when there is a VIN, so no call waits for it."""


def test_one_upload_passes_through_at_most_35_files_to_its_answer() -> None:
    """Of ours, cold, through the SQLite ledger: see `bench.files_on_the_path`."""
    from bench import files_on_the_path

    done = subprocess.run(
        [sys.executable, "-m", "bench.files_on_the_path"],
        cwd=LIBRARY.parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    found = files_on_the_path.read(done.stdout)
    assert "vindrop/core/pipeline.py" in found
    assert len(set(found) - AFTER_THE_CALL) <= 35, "\n".join(found)
