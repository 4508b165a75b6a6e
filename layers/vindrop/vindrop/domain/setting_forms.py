"""What a setting's text must be, beyond its type: each check returns what is wrong, or nothing.

All of it used to pass in silence and to fail at the first upload, or to let in too much.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Final, Literal, get_args, get_origin
from urllib.parse import urlsplit

from vindrop.domain import access_keys
from vindrop.domain.redaction import Secret, redact

LEAST_API_KEY: Final = 8
"""Characters: at the ten tries per second that a gateway lets through, eight of letters and digits
outlast a lifetime; four are found in a week or two."""
LONGEST_ACCOUNT: Final = 64
"""Characters of the name under which a recognizer's circuit and rate are stored."""
LEAST_SESSION_SECRET: Final = 32
"""Characters: whoever guesses it makes sessions of any name."""
_REGION: Final = r"[a-z0-9]+(?:-[a-z0-9]+)*"
_BUCKET: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,253}[A-Za-z0-9])?(?:@[a-z0-9-]+)?"


def secret(text: str) -> str | None:
    """Say what no id, key or API key of any cloud or of ours holds."""
    if not text.isascii() or not text.isprintable() or " " in text:
        return "holds a blank, a control character or one beyond ASCII: copy it anew"
    if text[0] in "\"'" or text[-1] in "\"'":
        return "has quotation marks around it: leave them out"
    return None


def api_key(text: str) -> str | None:
    """Say why ``text`` is no key for HTTP callers: ``key``, or ``name:role:key``."""
    found = access_keys.parse(text, 1)
    if wrong := access_keys.wrong_name(found.name):
        return wrong
    if wrong := access_keys.wrong_role(text):
        return wrong
    if len(found.secret) < LEAST_API_KEY:
        return (
            f"has a key of fewer than {LEAST_API_KEY} characters, which is guessed quickly: make one "
            "with `openssl rand -hex 16`"
        )
    return secret(text)


def api_keys(texts: Sequence[Secret]) -> str | None:
    """Say why several keys cannot stand beside each other."""
    found = access_keys.parse_all(texts)
    names = [key.name for key in found]
    if twice := next((name for name in names if names.count(name) > 1), None):
        return f"has two keys called {twice}: give each a name of its own"
    secrets = [key.secret for key in found]
    for at, key in enumerate(found, start=1):
        if key.name != f"key-{at}" and secrets.count(key.secret) > 1:
            return f"has the key of {key.name} twice: give each a key of their own"
    return None


def session_secret(text: str) -> str | None:
    """Say why ``text`` cannot sign sessions."""
    if len(text) < LEAST_SESSION_SECRET:
        return f"has fewer than {LEAST_SESSION_SECRET} characters: make one with `openssl rand -hex 32`"
    return secret(text)


def region(text: str) -> str | None:
    """Say why ``text`` is no region."""
    return None if re.fullmatch(_REGION, text) else "takes a region, such as ap-guangzhou"


def bucket(text: str) -> str | None:
    """Say why ``text`` is no bucket. Each cloud's own rules are in its file of `vindrop.clouds`."""
    if re.fullmatch(_BUCKET, text):
        return None
    return (
        f"has {text!r} in it, which is no bucket's name: write name-appid, or a name of S3 or OSS"
    )


def origin(text: str) -> str | None:
    """Say why ``text`` is nothing that a browser sends as Origin (RFC 6454)."""
    split = urlsplit(text)
    try:
        fits = split.port is None or split.port > 0
    except ValueError:
        fits = False
    host = split.hostname or ""
    whole = split.scheme in {"http", "https"} and fits and (_is_host(host) or ":" in host)
    if text == "*" or (whole and text == f"{split.scheme}://{split.netloc}" and "@" not in text):
        return None
    return f"has {text!r} in it: an origin is https://host or https://host:port, without a path"


def pair(one: str, other: str, names: Sequence[str]) -> str | None:
    """Say which of an id and its key is missing."""
    if bool(one) == bool(other):
        return None
    given, missing = names if one else reversed(names)
    return f"{missing} is not set, but {given} is: set both, or neither"


def recognizers(
    text: str, keys: tuple[str, ...], secret_id: str, policy: str, account: str
) -> str | None:
    """Say what is wrong with ``VINDROP_RECOGNIZERS`` or with ``VINDROP_RECOGNIZER_KEYS``.

    :param policy: ``VINDROP_CASCADE``; ``account``: ``VINDROP_ACCOUNT``.
    :param secret_id: ``VINDROP_VINOCR_SECRET_ID``: whose keys the recognizers without any use.
    """
    from vindrop.domain import engines

    try:
        found = engines.parse(text)
    except engines.EngineError as error:
        return f"VINDROP_RECOGNIZERS {error}"
    try:
        pairs = engines.keys_of(keys)
    except engines.EngineError as error:
        return f"VINDROP_RECOGNIZER_KEYS {error}"
    for name, pair_of_keys in pairs.items():
        if name not in {engine.name for engine in found}:
            return f"VINDROP_RECOGNIZER_KEYS has keys for {name!r}: VINDROP_RECOGNIZERS names no such one"
        if wrong := secret(pair_of_keys[0]) or secret(pair_of_keys[1]):
            return f"VINDROP_RECOGNIZER_KEYS for {name!r} {wrong}"
    if policy == "agree" and len(found) < 2:
        return "VINDROP_CASCADE is agree, and VINDROP_RECOGNIZERS names only one: two must agree"
    if policy == "agree" and len({engine.address for engine in found}) < len(found):
        return (
            "VINDROP_CASCADE is agree, and VINDROP_RECOGNIZERS names an address twice: a recognizer "
            "always agrees with itself"
        )
    for engine in found:
        if not engine.account and len(f"{account}.{engine.name}") > LONGEST_ACCOUNT:
            return (
                f"VINDROP_RECOGNIZERS: VINDROP_ACCOUNT and the name {engine.name!r} are longer than "
                f"{LONGEST_ACCOUNT} characters together: give it account=… of its own"
            )
        own = engine.is_inprocess or engine.keys or engine.name in pairs or secret_id
        if not own and not engine.is_tencents:  # a role's token goes to its own cloud only
            return (
                f"VINDROP_RECOGNIZERS names {engine.name!r}, which has no keys: give them in "
                f"VINDROP_RECOGNIZER_KEYS as {engine.name}=SecretId:SecretKey"
            )
    return None


def not_a_setting(name: str, known: Iterable[str]) -> str:
    """Say that a variable is no setting, and which may be meant."""
    import difflib

    close = difflib.get_close_matches(name, list(known), n=1)
    return f"{name} is not a setting" + (
        f"; did you mean {close[0]}?" if close else ": docs/settings.md lists them all"
    )


def reason_of(kind: Any, reason: str) -> str:
    """Say what a setting takes, in words of people who set it.

    :param kind: the setting's type.
    :param reason: msgspec's own words.
    """
    kind = get_args(kind)[0] if get_origin(kind) is Annotated else kind
    if get_origin(kind) is Literal:
        return f"takes one of {', '.join(get_args(kind))}"
    for number, called in ((int, "a whole number"), (float, "a number")):
        expected = f"Expected `{number.__name__}`"
        if kind is number and reason.startswith(expected):
            bound = reason.removeprefix(expected).partition(",")[0].removesuffix(".0")
            return f"takes {called}{bound}"
    if kind is bool:
        return "takes true or false"
    return reason[0].lower() + reason[1:]


def endpoint(text: str) -> str | None:
    """Return what is wrong with a server's address, or None."""
    whole = text if "://" in text else f"https://{text}"
    try:
        split = urlsplit(whole)
        named = whole.partition("://")[2].removesuffix("/")
        # `urlsplit` drops line ends and tabs, so what it found is held against what was written.
        fits = named == split.netloc and _is_host(named) and bool(split.hostname)
        fits = fits and (split.port is None or split.port > 0)
    except ValueError:
        fits = False
    if fits and split.scheme in {"http", "https"}:
        return None
    takes = "takes host, host:port, or http(s)://host:port, without a path"
    return f"is {redact(text)!r}: {takes}"


def _is_host(text: str) -> bool:
    """Whether ``text`` has no character that an address does not have, and none in a wrong place."""
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        return set(address) <= set("0123456789abcdefABCDEF:.") and port[:1] in ("", ":")
    labels = text.partition(":")[0].removesuffix(".").split(".")
    return (
        not text.endswith(":")
        and text.count(":") <= 1
        and "@" not in text
        and all(
            each and each.isascii() and each.replace("-", "").replace("_", "").isalnum()
            for each in labels
        )
        and not any(each.startswith("-") for each in labels)
    )
