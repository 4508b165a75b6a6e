"""What an operator can set: from the environment (prefix VINOCR_) and the command line.

Read once at start; a wrong one ends the start with one sentence. `FIELDS` is what the
documentation's table is checked against.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

from vinocr import accounts
from vinocr.accounts import Accounts, SettingsError
from vinocr.addresses import AllowList
from vinocr.codes import Language

PREFIX: Final = "VINOCR_"
MIB: Final = 1024 * 1024
LOOPBACK: Final = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True, slots=True)
class Of:
    """What a setting is, and the numbers it may have."""

    about: str
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, checked. The environment's name is VINOCR_ and the field's, in capitals."""

    accounts: Annotated[Accounts, Of("file of accounts, JSON or TOML (Python 3.11)")]
    accounts_file: Path | None = None
    host: Annotated[str, Of("address to listen on")] = "127.0.0.1"
    port: Annotated[int, Of("port to listen on; 0: any free one", 0, 65535)] = 9000
    workers: Annotated[int, Of("reader processes", 1, 64)] = 1
    threads: Annotated[int, Of("threads of each reader", 1, 64)] = 2
    queue: Annotated[int, Of("calls that may wait for a reader; more are refused", 0, 10_000)] = 32
    queue_seconds: Annotated[float, Of("longest wait for a reader", 0.01, 600)] = 15.0
    read_seconds: Annotated[float, Of("longest reading of one image", 0.001, 600)] = 20.0
    bodies: Annotated[int, Of("large requests in memory at once; more wait unread", 1)] = 32
    body_seconds: Annotated[float, Of("longest arrival of one request", 0.1, 600)] = 30.0
    stop_seconds: Annotated[float, Of("longest wait of a stop for calls under way", 1, 900)] = 30.0
    rate: Annotated[int, Of("requests per second and account", 1)] = 10
    ip_rate: Annotated[int | None, Of("requests per second and client address", 1)] = None
    max_base64_mb: Annotated[
        float, Of("largest image after Base64, in MB of 1,048,576 bytes", 0.001, 10)
    ] = 7.0
    max_pixels: Annotated[int, Of("largest image, width x height", 1)] = 50_000_000
    threshold: Annotated[
        float | None,
        Of("confidence from which a VIN is answered (as VINOCR_MAX_ERROR asks if empty)", 0, 1),
    ] = None
    max_error: Annotated[
        float, Of("share of wrong VINs to be expected among those answered", 0.0001, 0.5)
    ] = 0.0105
    url_seconds: Annotated[float, Of("longest download of ImageUrl, in total", 0.01, 60)] = 3.0
    url_redirects: Annotated[int, Of("redirects that a download follows", 0, 10)] = 3
    url_downloads: Annotated[int, Of("downloads at once; more are refused", 1)] = 32
    url_allow: Annotated[
        tuple[str, ...],
        Of("host:port, host or CIDR that ImageUrl may reach though not public, by commas"),
    ] = ()
    regions: Annotated[
        tuple[str, ...], Of("where not empty, the only regions that a call may name")
    ] = ()
    language: Annotated[Language, Of("language of messages where a call names none")] = (
        Language.ENGLISH
    )
    offline: Annotated[bool, Of("answer ActionOffline to every call")] = False
    operators: Annotated[
        tuple[str, ...],
        Of("networks that may see /metrics and use /v1/vin without a key; none: nobody"),
    ] = LOOPBACK
    proxies: Annotated[
        tuple[str, ...],
        Of("networks of proxies whose X-Forwarded-For names the client's address"),
    ] = ()
    faults: Annotated[Path | None, Of("file of faults; only on a loopback address")] = None
    tls_cert: Annotated[Path | None, Of("certificate chain, PEM")] = None
    tls_key: Annotated[Path | None, Of("its private key, PEM")] = None

    @property
    def max_base64(self) -> int:
        """The largest image after Base64, in bytes."""
        return int(self.max_base64_mb * MIB)


def _fields() -> dict[str, tuple[Any, Of]]:
    found: dict[str, tuple[Any, Of]] = {}
    for name, hint in get_type_hints(Settings, include_extras=True).items():
        if get_origin(hint) is Annotated:
            kind, of = get_args(hint)
            found[name] = (kind, of)
    return found


FIELDS: Final = _fields()
"""name → its type and what it is."""


def load(environment: Mapping[str, str], **given: str | None) -> Settings:
    """Return the settings of an environment; ``given`` (from the command line) goes first.

    Accounts come from the file VINOCR_ACCOUNTS, or from VINOCR_SECRET_ID and VINOCR_SECRET_KEY.

    :raises SettingsError: one sentence about the first thing that is wrong.
    """
    texts = {k[len(PREFIX) :].lower(): v for k, v in environment.items() if k.startswith(PREFIX)}
    texts.update({k: v for k, v in given.items() if v is not None})
    known = FIELDS.keys() | {"secret_id", "secret_key"}
    for name in sorted(texts.keys() - known):
        raise SettingsError(f"{PREFIX}{name.upper()} is no setting of VinOCR: see --help")
    values: dict[str, Any] = {}
    for name, (kind, of) in FIELDS.items():
        if name != "accounts" and texts.get(name, "") != "":
            values[name] = _value(name, kind, texts[name], of)
    file = Path(texts["accounts"]) if texts.get("accounts") else None
    settings = Settings(accounts=_accounts(texts, file), accounts_file=file, **values)
    _check_together(settings)
    return settings


def _accounts(texts: Mapping[str, str], file: Path | None) -> Accounts:
    pair = texts.get("secret_id", ""), texts.get("secret_key", "")
    if file is not None:
        if any(pair):
            raise SettingsError("give VINOCR_ACCOUNTS or VINOCR_SECRET_ID and _KEY, not both")
        return accounts.load(file)
    if all(pair):
        return accounts.single(*pair)
    raise SettingsError(
        "nobody could call: set VINOCR_SECRET_ID and VINOCR_SECRET_KEY, or VINOCR_ACCOUNTS"
    )


def _value(name: str, kind: Any, text: str, of: Of) -> Any:
    label = PREFIX + name.upper()
    text = text.strip()
    kinds = get_args(kind) if type(None) in get_args(kind) else (kind,)
    if get_origin(kind) is tuple:
        parts = tuple(part.strip() for part in text.split(",") if part.strip())
        return () if parts == ("none",) else parts
    if Path in kinds:
        return Path(text)
    if Language in kinds:
        if text not in {x.value for x in Language}:
            raise SettingsError(f"{label} must be en-US or zh-CN, not {text!r}")
        return Language(text)
    if bool in kinds:
        if text.lower() not in {"true", "false", "1", "0"}:
            raise SettingsError(f"{label} must be true or false, not {text!r}")
        return text.lower() in {"true", "1"}
    if str in kinds:
        return text
    return _number(label, int in kinds, text, of)


def _number(label: str, whole: bool, text: str, of: Of) -> float:  # noqa: FBT001 - private
    try:
        value = int(text) if whole else float(text)
    except ValueError:
        word = "a whole number" if whole else "a number"
        raise SettingsError(f"{label} must be {word}, not {text!r}") from None
    low = -math.inf if of.low is None else of.low
    high = math.inf if of.high is None else of.high
    if not low <= value <= high or not math.isfinite(value):
        span = f"at least {of.low}" if of.high is None else f"from {of.low} to {of.high}"
        raise SettingsError(f"{label} must be {span}, not {text}")
    return value


def _check_together(settings: Settings) -> None:
    for name in ("operators", "proxies"):
        for entry in getattr(settings, name):
            try:
                ip_network(entry, strict=False)
            except ValueError:
                label = PREFIX + name.upper()
                raise SettingsError(f"{label}: {entry!r} is no address or network") from None
    try:
        AllowList.parse(settings.url_allow)
    except ValueError as error:
        raise SettingsError(f"VINOCR_URL_ALLOW: {error}") from None
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise SettingsError("VINOCR_TLS_CERT and VINOCR_TLS_KEY go together: set both or neither")
    for path in (settings.tls_cert, settings.tls_key, settings.faults):
        if path is not None and not path.is_file():
            raise SettingsError(f"{path} is not there or is no file")
    if settings.faults is not None and not _is_loopback(settings.host):
        raise SettingsError(
            "VINOCR_FAULTS is for tests on this machine: listen on 127.0.0.1 or leave it out"
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def defaults() -> list[tuple[str, str, str]]:
    """Return (environment name, default, what it is) of every setting, for help and docs."""
    rows = [
        ("VINOCR_SECRET_ID", "", "SecretId of the one account (instead of VINOCR_ACCOUNTS)"),
        ("VINOCR_SECRET_KEY", "", "SecretKey of the one account"),
    ]
    plain = {f.name: f.default for f in fields(Settings)}
    for name, (_, of) in FIELDS.items():
        value = plain[name]
        if value in (MISSING, None, ()):
            value = ""
        if isinstance(value, tuple):
            value = ",".join(value)
        if isinstance(value, Language):
            value = value.value
        if isinstance(value, bool):
            value = str(value).lower()
        rows.append((PREFIX + name.upper(), str(value), of.about))
    return rows
