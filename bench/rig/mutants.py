"""Damaged and hostile values, trees and bytes: the same for the same dice."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any, Final

HOSTILE: Final = [
    "", "/", "%", "%E4%B8", "a+b", "\ud83d", "\0", "null", "{}", "[", "-1", "9" * 400, "http://[",
    "x" * 2000, "x.evil.example/", "169.254.0.23/latest/meta-data/?", "a@127.0.0.1:8443/", "[::1]",
    "evil.example#", "..", "../..", "a\r\nHost: evil.example", "%2e%2e%2f", "'; DROP TABLE x; --",
    "evil\u3002example", "photos-1250000000", "ap-guangzhou", "us-east-1", "\x1b]0;x\x07", "=cmd|' /C'!A0",
    "2026-11-22T10:00:00.000Z", "0001-01-01T00:00:00Z", "99999-01-01", "1e999", "NaN", "\u202e", "ａ",
]  # fmt: skip
_NUMBERS: Final = [0, -1, 1, 2**31, 2**63, -(2**63), 10**400, 1e308, -0.0, 0.5, True, False, None]
_NAMES: Final = [
    "Records", "cos", "s3", "events", "oss", "body", "key", "detail", "cloud", "region", "version",
]  # fmt: skip


class WrongError(AssertionError):
    """An input ended in no way that is allowed. ``str()`` says how it ended."""


def value(dice: random.Random, depth: int = 0) -> Any:
    """Return any value that JSON can carry, hostile texts among them."""
    way = dice.random()
    if depth < 3 and way < 0.1:
        return [value(dice, depth + 1) for _ in range(dice.randrange(4))]
    if depth < 3 and way < 0.2:
        return {dice.choice([*_NAMES, text(dice)]): value(dice, depth + 1) for _ in range(3)}
    return dice.choice(_NUMBERS) if way < 0.4 else text(dice)


def text(dice: random.Random) -> str:
    """Return a hostile text, or one of random characters."""
    if dice.random() < 0.7:
        return dice.choice(HOSTILE)
    return "".join(
        chr(dice.choice((dice.randrange(128), dice.randrange(0xFFFF)))) for _ in range(8)
    )


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container of a tree with each of its keys."""
    items = list(node.items()) if isinstance(node, dict) else list(enumerate(node))
    for name, inner in items:
        yield node, name
        if isinstance(inner, (dict, list)):
            yield from _places(inner)


def changed(tree: Any, seeds: list[Any], dice: random.Random) -> Any:
    """Return a copy of a tree with one to four of its fields replaced, deleted, doubled or wrapped."""
    tree = copy.deepcopy(tree)
    for _ in range(dice.randint(1, 4)):
        found = list(_places(tree)) if isinstance(tree, (dict, list)) else []
        if not found:
            return tree
        holder, name = dice.choice(found)
        way = dice.random()
        if way < 0.15:
            del holder[name]
        elif way < 0.25:
            holder[name] = json.dumps(holder[name], default=str)
        elif way < 0.3:
            holder[name] = copy.deepcopy(dice.choice(seeds))
        elif way < 0.4 and isinstance(holder[name], str):
            holder[name] = damaged(holder[name].encode("utf-8", "replace"), dice).decode("latin-1")
        elif way < 0.45:
            holder[name] = [holder[name], copy.deepcopy(holder[name])]
        else:
            holder[name] = value(dice)
    return tree


def damaged(data: bytes, dice: random.Random) -> bytes:
    """Return bytes with a few of them changed, cut out, doubled or put in."""
    out = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(out) + 1)
        way = dice.random()
        if way < 0.4 and at < len(out):
            out[at] = dice.choice((0, 10, 13, 0x22, 0x7F, 0xFF, dice.randrange(256)))
        elif way < 0.55:
            del out[at : at + dice.randint(1, 30)]
        elif way < 0.6:
            del out[at:]
        elif way < 0.8:
            out[at:at] = dice.choice(HOSTILE).encode("utf-8", "surrogatepass")
        else:
            out[at:at] = out[max(0, at - dice.randint(1, 60)) : at]
    return bytes(out)
