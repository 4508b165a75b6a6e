"""From a variable's text to a setting's value, and what is said of a wrong one."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, get_args, get_origin
from urllib.parse import urlsplit

import msgspec

from vindrop.domain.redaction import Secret, redact

PREFIX: Final = "VINDROP_"


class SettingsError(ValueError):
    """A setting is wrong. ``str()`` is one sentence that names it and says what it takes."""


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


def read(field: msgspec.structs.FieldInfo, text: str) -> Any:
    """Return the value that a variable's text gives its setting.

    :raises SettingsError: the text is not a value of this setting.
    """
    several = get_origin(field.type) is tuple
    value: Any = text.replace(",", " ").split() if several else text
    try:
        return msgspec.convert(value, field.type, strict=False, dec_hook=_custom)
    except msgspec.ValidationError as error:
        reason = _reason(field, str(error))
    if "secret" in field.name or "keys" in field.name:
        raise SettingsError(f"{variable(field.name)} is wrong: {reason}")
    raise SettingsError(f"{variable(field.name)} is {redact(text)!r}: {reason}")


def _reason(field: msgspec.structs.FieldInfo, reason: str) -> str:
    """Say what a setting takes, in words of people who set it."""
    kind = get_args(field.type)[0] if get_origin(field.type) is Annotated else field.type
    if get_origin(kind) is Literal:
        return f"takes one of {', '.join(get_args(kind))}"
    for number, called in ((int, "a whole number"), (float, "a number")):
        expected = f"Expected `{number.__name__}`"
        if kind is number and reason.startswith(expected):
            bound = reason.removeprefix(expected).partition(",")[0].removesuffix(".0")
            return f"takes {called}{bound}"
    return reason[0].lower() + reason[1:]


def _custom(kind: type, value: Any) -> Any:
    if kind is Secret:
        return Secret(value)
    raise NotImplementedError(f"{kind} is not a type that a setting can have")


def endpoint(name: str, value: str) -> str:
    """Return a server's address as a setting gives it, without a slash at its end.

    :raises SettingsError: the value is not such an address.
    """
    if not value:
        return value
    split = urlsplit(value if "://" in value else f"https://{value}")
    try:
        port_fits = split.port is None or split.port > 0
    except ValueError:
        port_fits = False
    if (
        split.scheme not in {"http", "https"}
        or not split.hostname
        or not port_fits
        or split.path not in {"", "/"}
        or split.query
        or split.username
    ):
        raise SettingsError(
            f"{variable(name)} is {redact(value)!r}: "
            "takes host, host:port, or http(s)://host:port, without a path"
        )
    return value.rstrip("/")
