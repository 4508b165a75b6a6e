"""``VINDROP_RECOGNIZERS``: recognizers in the order in which they are asked. Loaded only where it is set.

Two forms: ``name=url?option=value`` with blanks or commas between, or a JSON list of objects with
``name``, ``endpoint`` and the same options. ``inprocess:`` is our own reader in the function's process.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from vindrop.domain.recognition import TENCENT

INPROCESS: Final = "inprocess:"
_NAME: Final = r"[a-z][a-z0-9_-]{0,31}"
_HOST: Final = r"[a-z0-9._-]+|[0-9a-f:.]+"
"""A host's name, or an address of IPv4 or IPv6. What stands in none is most likely an option: ``&``."""
_TEXTS: Final = {
    "account": re.compile(r"[\w.:-]{1,64}"),
    "region": re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*"),
    "image": re.compile("auto|url|bytes"),
    "keys": re.compile(r"[A-Z][A-Z0-9_]{0,63}"),
    "unconfirmed": re.compile("dead_letter|doubtful"),
}
"""Options that are texts → their form."""
_TAKES: Final = {
    "account": "1 to 64 letters, digits and . : - _",
    "region": "a region such as ap-guangzhou",
    "image": "auto, url or bytes",
    "keys": "the prefix of two variables, in capitals: OWN for OWN_SECRET_ID and OWN_SECRET_KEY",
    "unconfirmed": "dead_letter or doubtful",
}
"""The same in words."""


class EngineError(ValueError):
    """A recognizer is wrong. ``str()`` is the end of a sentence that begins with the setting's name."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One recognizer, as it is configured. Options that are None take the general setting's value."""

    name: str
    endpoint: str
    """host, host:port, http(s)://host:port, or ``inprocess:``."""
    price: float | None = None
    """Of one billed call."""
    rate: float | None = None
    """Calls per second; 0: as fast as it answers."""
    burst: int | None = None
    timeout: float | None = None
    """Seconds that one call may take as a whole."""
    daily_calls: int | None = None
    account: str = ""
    """Under which instances share rate limiter, circuit and cap. Empty: of its own."""
    region: str | None = None
    image: str | None = None
    unconfirmed: str = "dead_letter"
    """What becomes of an answer that nobody is sure of, and that one which tells how sure it is denies."""
    keys: str = field(default="", repr=False)
    """Prefix of the environment variables that hold its keys: ``PREFIX_SECRET_ID``, ``PREFIX_SECRET_KEY``."""

    @property
    def is_inprocess(self) -> bool:
        """Whether it is our own reader in this process."""
        return self.endpoint == INPROCESS

    @property
    def address(self) -> str:
        """Host and port, in the same letters however they are written."""
        if self.is_inprocess:
            return self.endpoint
        split = urlsplit(self.endpoint if "://" in self.endpoint else f"https://{self.endpoint}")
        port = split.port or (443 if split.scheme == "https" else 80)
        return f"{(split.hostname or '').rstrip('.')}:{port}"

    @property
    def is_tencents(self) -> bool:
        """Whether the endpoint is Tencent's own service."""
        split = urlsplit(self.endpoint if "://" in self.endpoint else f"https://{self.endpoint}")
        return f".{split.hostname or ''}".endswith(TENCENT)


def parse(text: str) -> tuple[Engine, ...]:
    """Return the recognizers that a setting's text names, in order.

    :raises EngineError: one is wrong, or two have the same name. It quotes no option's value.
    """
    entries = _from_json(text) if text.startswith("[") else _from_words(text)
    engines = tuple(_engine(entry) for entry in entries)
    names = [engine.name for engine in engines]
    if not names:
        raise EngineError("names no recognizer")
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise EngineError(f"names {twice!r} twice: each recognizer needs a name of its own")
    return engines


def unbilled(engines: tuple[Engine, ...]) -> frozenset[str]:
    """Return the names of those whose calls nobody bills: ``price=0``, or our reader in this process.

    One that names no price is not among them, whatever the general setting says: 0 is "not known" there.
    """
    return frozenset(each.name for each in engines if each.price == 0 or each.is_inprocess)


def keys_of(words: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    """Return name → (SecretId, SecretKey) of ``VINDROP_RECOGNIZER_KEYS``.

    :raises EngineError: an entry is not ``name=SecretId:SecretKey``. It quotes none.
    """
    found: dict[str, tuple[str, str]] = {}
    for number, word in enumerate(words, start=1):
        name, _, pair = word.partition("=")
        key_id, _, key = pair.partition(":")
        if not re.fullmatch(_NAME, name) or not key_id or not key:
            raise EngineError(f"takes name=SecretId:SecretKey, and entry {number} is none")
        if name in found:
            raise EngineError(f"has keys for {name!r} twice: which ones are right?")
        found[name] = (key_id, key)
    return found


def _from_words(text: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = []
    for word in text.replace(",", " ").split():
        name, equals, rest = word.partition("=")
        if not equals:
            raise EngineError(
                f"has {name[:40]!r} in it: it takes name=url?price=…&rate=…, such as "
                "own=http://vinocr.internal:9000?price=0&rate=0"
            )
        endpoint, _, query = rest.partition("?")
        options = parse_qsl(query, keep_blank_values=True)
        entries.append({**dict(options), "name": name, "endpoint": endpoint})
        if len(dict(options)) < len(options):
            raise EngineError(f"names an option of {name[:40]!r} twice")
    return entries


def _from_json(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except EngineError:
        raise
    except RecursionError:
        raise EngineError("begins as JSON, and is nested too deeply to be any of ours") from None
    except ValueError as error:
        raise EngineError(f"begins as JSON and is none: {error}") from None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise EngineError('is JSON, and takes a list such as [{"name": "own", "endpoint": "…"}]')
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object, no name of which stands in it twice: which value is meant?"""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise EngineError("names an option twice in one object")
    return found


_NUMBERS: Final[dict[str, tuple[type[int | float], float, float]]] = {
    "price": (float, 0.0, 1e9),
    "rate": (float, 0.0, 1000.0),
    "burst": (int, 1, 1000),
    "timeout": (float, 0.001, 60.0),
    "daily_calls": (int, 0, 1e12),
}
"""Option → its type, least and most."""


def _engine(entry: Mapping[str, Any]) -> Engine:
    name, endpoint = entry.get("name"), entry.get("endpoint")
    if not isinstance(name, str) or not re.fullmatch(_NAME, name):
        raise EngineError(
            f"has a recognizer called {str(name)[:40]!r}: a name is 1 to 32 small letters, digits, "
            "- and _, a letter first"
        )
    if not isinstance(endpoint, str) or not _is_endpoint(endpoint):
        raise EngineError(
            f"has no address for {name!r}: host, host:port, http(s)://host:port without a path, or "
            "inprocess:"
        )
    given: dict[str, Any] = {}
    for option, value in entry.items():
        if option in {"name", "endpoint"}:
            continue
        if option in _NUMBERS:
            given[option] = _number(name, option, value)
        elif option in _TEXTS:
            if not isinstance(value, str) or not _TEXTS[option].fullmatch(value):
                raise EngineError(
                    f"has a value for {option} of {name!r} that is none: it takes {_TAKES[option]}"
                )
            given[option] = value
        else:
            known = ", ".join([*_NUMBERS, *_TEXTS])
            raise EngineError(f"has an option {option[:40]!r} for {name!r}: there are {known}")
    return Engine(name, endpoint.rstrip("/"), **given)


def _number(name: str, option: str, value: Any) -> float:
    kind, least, most = _NUMBERS[option]
    try:
        number = kind(value) if not isinstance(value, bool) else None
    except (TypeError, ValueError, OverflowError):  # JSON's 1e999 is infinite
        number = None
    if isinstance(value, float) and number != value:  # a whole number was asked for
        number = None
    if number is None or not least <= number <= most:
        called = "a whole number" if kind is int else "a number"
        raise EngineError(
            f"has a {option} of {name!r} that is not {called} from {least:g} to {most:g}"
        )
    return number


def _is_endpoint(text: str) -> bool:
    if text == INPROCESS:
        return True
    try:
        split = urlsplit(text if "://" in text else f"https://{text}")
        port_fits = split.port is None or split.port > 0
    except ValueError:
        return False
    return bool(
        split.scheme in {"http", "https"}
        and re.fullmatch(_HOST, split.hostname or "")
        and port_fits
        and split.path in {"", "/"}
        and not (split.query or split.fragment or split.username)
        and text.isascii()
        and text.isprintable()
    )
