"""No regular expression of ours takes more than linear time, whatever text it is given.

All of them are found by reading the source. For each, hostile texts are made from its own pieces:
every beginning of a text that it matches, many times over. Four times the text may take no more than
eight times the time, measured in processor time and against itself, never against a clock.
"""

from __future__ import annotations

import ast
import importlib
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from vindrop.clouds import store_classes

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("layers/vindrop", "functions/vinocr", "local")
FUNCTIONS = frozenset(
    ("compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer")
)
BY_CLASS = ("own_region_form", "bucket_form", "etag_form")
"""Attributes that hold a pattern of each object store."""
HANDED_ON = {"form": "bucket_form"}
"""Parameter of `vindrop.clouds.misnamed` → the attribute that it is given."""
MAY_HAVE_ONE = re.compile(r"\bre\.|_form\b|pattern")
MADE_ELSEWHERE = frozenset(("pattern", "field.pattern"))
"""Texts that are put together of our own source only: no text of others is their subject."""


def modules() -> Iterator[tuple[str, ast.Module]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT / room).with_suffix("").parts)
            text = path.read_text()
            if "site-packages" not in path.parts and MAY_HAVE_ONE.search(
                text
            ):  # parsing takes long
                yield name.removesuffix(".__init__"), ast.parse(text)


@dataclass(frozen=True)
class Found:
    """A pattern, and how it is put to use."""

    pattern: str | bytes
    uses: frozenset[str]


def patterns() -> dict[str, Found]:
    """Return where it stands → pattern, of every one in the tree."""
    found: dict[str, Found] = {}
    for module, tree in modules():
        for node in ast.walk(tree):
            for written in _arguments(node):
                text = ast.unparse(written)
                last = HANDED_ON.get(text, text.rpartition(".")[2])
                if last in BY_CLASS:
                    for store in store_classes():
                        if form := getattr(store, last):
                            found[f"{store.__name__}.{last}"] = Found(form, _uses(node, tree))
                elif text not in MADE_ELSEWHERE:
                    where = f"{module}:{node.lineno} {text[:20]}"  # type: ignore[attr-defined]
                    value = eval(text, vars(importlib.import_module(module)))
                    found[where] = Found(value, _uses(node, tree))
    return found


def _arguments(node: ast.AST) -> list[ast.expr]:
    """Return the pattern that a call is given; both, where it is one or the other."""
    if not isinstance(node, ast.Call):
        return []
    if (method := _method(node, "re")) is not None:
        given = [node.args[0]] if method in FUNCTIONS else []
    else:  # msgspec's Meta(pattern=…), pydantic's Field(pattern=…)
        given = [word.value for word in node.keywords if word.arg == "pattern"][:1]
    if given and isinstance(given[0], ast.IfExp):
        return [given[0].body, given[0].orelse]
    return given


def _method(node: ast.Call, of: str) -> str | None:
    called = node.func
    if isinstance(called, ast.Attribute) and ast.unparse(called.value) == of:
        return called.attr
    return None


def _uses(node: ast.AST, tree: ast.Module) -> frozenset[str]:
    """Return the methods that a pattern is used by."""
    assert isinstance(node, ast.Call)
    method = _method(node, "re")
    if method != "compile":
        return frozenset((method or "search",))
    names = [
        ast.unparse(target)
        for each in ast.walk(tree)
        if isinstance(each, (ast.Assign, ast.AnnAssign)) and each.value is node
        for target in (each.targets if isinstance(each, ast.Assign) else [each.target])
    ]
    calls = [each for each in ast.walk(tree) if isinstance(each, ast.Call)]
    used = {_method(call, name) for call in calls for name in [*names, ast.unparse(node)]}
    return frozenset(use for use in used if use) & FUNCTIONS or FUNCTIONS


PATTERNS = patterns()


def test_all_are_found() -> None:
    assert len(PATTERNS) > 30
    assert any(where.startswith("vindrop.domain.redaction:") for where in PATTERNS)
    assert any("pattern" in ast.unparse(tree) for _, tree in modules())


def samples(pattern: str | bytes) -> list[str]:
    """Return texts that the pattern matches, or nearly: one with each first branch, one with each last."""
    parser: Any = importlib.import_module("re._parser" if hasattr(re, "_parser") else "sre_parse")
    text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
    return [_sample(parser.parse(text), pick) for pick in (0, 1, -1)]


def _sample(parsed: Any, pick: int) -> str:
    said = ""
    for kind, value in parsed:
        name = str(kind)
        if name == "LITERAL":
            said += chr(value)
        elif name == "NOT_LITERAL":
            said += "a" if value != ord("a") else "b"
        elif name == "ANY":
            said += "a"
        elif name == "IN":
            said += _one_of(value, pick)
        elif name in {"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"}:
            low, high, inner = value
            said += _sample(inner, pick) * max(int(low), min(int(high), 2))
        elif name == "SUBPATTERN":
            said += _sample(value[-1], pick)
        elif name == "BRANCH":
            branches = value[1]
            said += _sample(branches[min(pick, len(branches) - 1)], pick)
    return said


def _one_of(items: Any, pick: int) -> str:
    fits = "a1 ./-=:é0Z_%\\\"'@"
    classes: dict[str, Callable[[Any], str]] = {
        "NEGATE": lambda _: "^",
        "LITERAL": lambda value: re.escape(chr(value)),
        "RANGE": lambda value: f"{re.escape(chr(value[0]))}-{re.escape(chr(value[1]))}",
        "CATEGORY": lambda value: {
            "CATEGORY_WORD": r"\w",
            "CATEGORY_DIGIT": r"\d",
            "CATEGORY_SPACE": r"\s",
            "CATEGORY_NOT_SPACE": r"\S",
            "CATEGORY_NOT_WORD": r"\W",
            "CATEGORY_NOT_DIGIT": r"\D",
        }[str(value)],
    }
    form = "".join(classes[str(kind)](value) for kind, value in items)
    found = [character for character in fits if re.match(f"[{form}]", character)]
    found = found or [chr(n) for n in range(0x3000) if re.match(f"[{form}]", chr(n))]
    return found[min(pick, len(found) - 1)]


def pieces(pattern: str | bytes) -> list[str]:
    """Return what hostile texts are made of: beginnings and single characters of samples."""
    found = dict.fromkeys(["a", "0", " ", "a.", "a-"])
    for sample in samples(pattern):
        found |= dict.fromkeys(sample[:end] for end in range(1, min(len(sample), 16) + 1))
        found |= dict.fromkeys(sample[:16])
    return list(found)


def seconds(run: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(3):
        began = time.process_time()
        run()
        best = min(best, time.process_time() - began)
    return best


def grows_faster(found: Found) -> str | None:
    """Return the piece whose repetition takes more than linear time, if there is one."""
    compiled: Any = re.compile(found.pattern)
    anchored = found.uses <= {"match", "fullmatch"}

    def run(piece: str, length: int) -> float:
        text = (piece * (length // len(piece) + 1))[:length] + "\0"
        subject: Any = text.encode() if isinstance(found.pattern, bytes) else text
        if anchored:
            return seconds(lambda: (compiled.match(subject), compiled.fullmatch(subject)))
        return seconds(lambda: [None for _ in compiled.finditer(subject)])

    def is_slow(piece: str) -> bool:
        length, once = 1_000, run(piece, 1_000)
        # A slow one is caught while the text is small; a quick one is tried on more.
        while length < 250_000:
            length, before, once = 4 * length, once, run(piece, 4 * length)
            if once > 8 * before + 0.01 and run(piece, length) > 8 * run(piece, length // 4) + 0.01:
                return True
            if length >= 16_000 and once < length * 50e-9:
                return False  # 50 ms for a megabyte
        return False

    return next((piece for piece in pieces(found.pattern) if is_slow(piece)), None)


@pytest.mark.parametrize("where", PATTERNS)
def test_it_takes_linear_time(where: str) -> None:
    assert grows_faster(PATTERNS[where]) is None


@pytest.mark.parametrize(
    "slow",
    [
        # What stood in `redact` before, and others of its kind.
        r"(?i)((?:https?|cos|s3|[a-z+-]+)://[^\s?\"'<>]*)\?[^\s\"'<>]*",
        r"(?i)([a-z][a-z0-9+.-]*://)[^/@\s]+@",
        r"\s+$",
        r"[\w-]*secret[\w-]*=",
        rb"a*b",
    ],
)
def test_a_slow_one_is_seen(slow: str | bytes) -> None:
    assert grows_faster(Found(slow, frozenset(("search",)))) is not None
