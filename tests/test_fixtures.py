"""What a session shares is there once: a fixture imported into a second file starts its servers again."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent


def shared(tree: ast.Module) -> Iterator[str]:
    """Yield the names of the fixtures with the scope of a session."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and any(
            isinstance(each, ast.Call)
            and ast.unparse(each.func) == "pytest.fixture"
            and any(
                word.arg == "scope" and "session" in ast.unparse(word) for word in each.keywords
            )
            for each in node.decorator_list
        ):
            yield node.name


def imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield (module, name) for each name that is imported from another file of the tests."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests."):
            yield from ((str(node.module), each.name) for each in node.names)


def test_no_fixture_of_a_session_is_imported() -> None:
    files = {path: ast.parse(path.read_text(encoding="utf-8")) for path in ROOT.rglob("*.py")}
    own = {
        (".".join(path.relative_to(ROOT.parent).with_suffix("").parts), name)
        for path, tree in files.items()
        for name in shared(tree)
    }
    assert ("tests.stores.fixtures", "servers") in own
    again = [(path.name, *own & set(imported(tree))) for path, tree in files.items()]
    assert [each for each in again if len(each) > 1] == [], (
        "tests/conftest.py names the files of fixtures: ask for one by its name, import none"
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@pytest.fixture(scope='session')\ndef a(): pass", ["a"]),
        ("@pytest.fixture(name='b', scope='session')\ndef a(): pass", ["a"]),
        ("@pytest.fixture\ndef a(): pass", []),
        ("@pytest.fixture(scope='module')\ndef a(): pass", []),
        ("def a(): pass", []),
    ],
)
def test_what_a_session_shares_is_seen(text: str, names: list[str]) -> None:
    assert list(shared(ast.parse(text))) == names


def test_an_import_is_seen() -> None:
    tree = ast.parse("from tests.stores.fixtures import Servers, servers\nimport os\n")
    names = [("tests.stores.fixtures", "Servers"), ("tests.stores.fixtures", "servers")]
    assert list(imported(tree)) == names


def test_no_test_stops_the_clock_of_the_process() -> None:
    """A server's loop that asks for the time just then sleeps for hours: replace a module's ``time``."""
    stops = re.compile(r"""setattr\(\s*(time, "monotonic"|"[\w.]*\btime\.monotonic")""")
    found = [
        path.relative_to(ROOT).as_posix()
        for path in sorted(ROOT.rglob("test_*.py"))
        if stops.search(path.read_text(encoding="utf-8"))
    ]
    assert found == []
