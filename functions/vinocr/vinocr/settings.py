"""What an operator can set: from the environment (prefix VINOCR_) and the command line.

Read once at start; a wrong setting ends the start with one sentence.
"""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from vinocr.api import reloaded_file
from vinocr.api.accounts import Accounts
from vinocr.api.addresses import AllowList, networks
from vinocr.api.codes import Language
from vinocr.api.reloaded_file import SettingsError

PREFIX: Final = "VINOCR_"
MIB: Final = 1024 * 1024


def _names(text: object) -> object:
    if not isinstance(text, str):
        return text
    parts = tuple(part.strip() for part in text.split(",") if part.strip())
    return () if parts == ("none",) else parts


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)]
"""Texts separated by commas; ``none`` is the empty list."""


def _is(
    about: str, default: Any = None, low: float | None = None, high: float | None = None
) -> Any:
    """Declare a setting: what it is, its default, and the lowest and highest number allowed."""
    return Field(default, ge=low, le=high, description=about)


class Settings(BaseSettings):
    """Every setting, checked. The environment's name is VINOCR_ and the field's, in capitals."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
    )

    secret_id: str = _is("SecretId of the one account (instead of VINOCR_ACCOUNTS)", "")
    secret_key: SecretStr = _is("SecretKey of the one account", SecretStr(""))
    accounts: Path | None = _is("file of accounts, JSON or TOML (Python 3.11)")
    host: str = _is("address to listen on", "127.0.0.1")
    port: int = _is("port to listen on; 0: any free one", 9000, 0, 65535)
    workers: int = _is("reader processes", 1, 1, 64)
    threads: int = _is("threads of each reader", 2, 1, 64)
    queue: int = _is("calls that may wait for a reader; more are refused", 32, 0, 10_000)
    queue_seconds: float = _is(
        "longest wait for a reader; what would wait longer is refused at once", 10.0, 0.01, 600
    )
    read_seconds: float = _is("longest reading of one image", 20.0, 0.001, 600)
    bodies: int = _is("large requests in memory at once; more wait unread", 32, 1)
    body_seconds: float = _is("longest arrival of one request", 30.0, 0.1, 600)
    head_seconds: float = _is("longest arrival of a request's line and headers", 10.0, 0.1, 600)
    connections: int = _is("connections at once; the longest idle one makes room", 1000, 1)
    client_connections: int = _is("connections of one client address at once", 500, 1)
    stop_seconds: float = _is("longest wait of a stop for calls in progress", 30.0, 1, 900)
    rate: int = _is("requests per second and account", 10, 1)
    ip_rate: int | None = _is("requests per second and client address", None, 1)
    max_base64_mb: float = _is(
        "largest image after Base64, in MB of 1,048,576 bytes", 7.0, 0.001, 10
    )
    max_pixels: int = _is("largest image, width x height", 50_000_000, 1)
    memory_mb: float = _is(
        "most memory that decoding one image may take, in MB of 1,000,000 bytes", 500.0, 16
    )
    threshold: float | None = _is(
        "confidence from which a VIN is answered (as VINOCR_MAX_ERROR asks if empty)", None, 0, 1
    )
    max_error: float = _is(
        "share of wrong VINs to be expected among those answered", 0.007, 0.0001, 0.5
    )
    url_seconds: float = _is("longest download of ImageUrl, in total", 3.0, 0.01, 60)
    url_redirects: int = _is("redirects that a download follows", 3, 0, 10)
    url_downloads: int = _is("downloads at once; more wait, accounts in turn", 64, 1)
    url_allow: Names = _is(
        "host:port, host or CIDR that ImageUrl may reach though not public, by commas", ()
    )
    url_deny: Names = _is(
        "networks that ImageUrl may not reach though public: clouds' internal addresses",
        ("168.63.129.16/32",),
    )
    regions: Names = _is("where not empty, the only regions that a call may name", ())
    language: Language = _is("language of messages where a call names none", Language.ENGLISH)
    offline: bool = _is("answer ActionOffline to every call", False)
    operators: Names = _is(
        "networks that may see /metrics and use /v1/vin without a key; none: nobody",
        ("127.0.0.0/8", "::1/128"),
    )
    hosts: Names = _is("public host names under which operators reach /metrics and /v1/vin", ())
    proxies: Names = _is("networks of proxies whose X-Forwarded-For names the client's address", ())
    faults: Path | None = _is("file of faults; only on a loopback address")
    tls_cert: Path | None = _is("certificate chain, PEM")
    tls_key: Path | None = _is("its private key, PEM")

    _known_accounts: Accounts = PrivateAttr()

    @property
    def known_accounts(self) -> Accounts:
        """The accounts as they were at start."""
        return self._known_accounts

    @property
    def max_base64(self) -> int:
        """The largest image after Base64, in bytes."""
        return int(self.max_base64_mb * MIB)

    @model_validator(mode="before")
    @classmethod
    def _strip(cls, values: dict[str, Any]) -> dict[str, Any]:
        return {
            name: value.strip() if isinstance(value, str) and "secret" not in name else value
            for name, value in values.items()
        }

    @field_validator("operators", "proxies", "url_allow", "url_deny")
    @classmethod
    def _addresses(cls, entries: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if info.field_name == "url_allow":
            AllowList.parse(entries)
        else:
            networks(entries)
        return entries

    @model_validator(mode="after")
    def _fit_together(self) -> Settings:
        self._known_accounts = self._load_accounts()
        if (self.tls_cert is None) != (self.tls_key is None):
            raise SettingsError(
                "VINOCR_TLS_CERT and VINOCR_TLS_KEY go together: set both or neither"
            )
        for path in (self.tls_cert, self.tls_key, self.faults):
            if path is not None and not path.is_file():
                raise SettingsError(f"{path} is not there or is not a file")
        if self.faults is not None and not _is_loopback(self.host):
            raise SettingsError(
                "VINOCR_FAULTS is for tests on this machine: listen on 127.0.0.1 or leave it out"
            )
        return self

    def _load_accounts(self) -> Accounts:
        secret_key = self.secret_key.get_secret_value()
        if self.accounts is not None:
            if self.secret_id or secret_key:
                raise SettingsError("give VINOCR_ACCOUNTS or VINOCR_SECRET_ID and _KEY, not both")
            return reloaded_file.read(Accounts, self.accounts)
        if self.secret_id and secret_key:
            key = {"secret_id": self.secret_id, "secret_key": secret_key}
            return reloaded_file.parse(Accounts, {"accounts": [{"keys": [key]}]}, "the key")
        raise SettingsError(
            "nobody could call: set VINOCR_SECRET_ID and VINOCR_SECRET_KEY, or VINOCR_ACCOUNTS"
        )


def load(**given: str | None) -> Settings:
    """Return the settings of the environment; ``given`` (from the command line) goes first.

    :raises SettingsError: one sentence about the first thing that is wrong.
    """
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name[len(PREFIX) :].lower() not in Settings.model_fields:
            raise SettingsError(f"{name} is not a setting of VinOCR: see --help")
    try:
        return Settings(**{k: v for k, v in given.items() if v})  # type: ignore[arg-type]
    except ValidationError as error:
        raise SettingsError(_sentence(error.errors(include_url=False)[0])) from None


def _sentence(error: ErrorDetails) -> str:
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, SettingsError):
        return str(cause)
    name, kind, given = str(error["loc"][0]), error["type"], error["input"]
    if cause is not None:
        return f"{_label(name)}: {cause}"
    for beginning, wanted in _WANTED.items():
        if kind.startswith(beginning):
            return f"{_label(name)} must be {wanted}, not {given!r}"
    limits = Settings.model_fields[name].metadata
    low, high = (
        next((getattr(x, key) for x in limits if hasattr(x, key)), None) for key in ("ge", "le")
    )
    span = f"at least {low}" if high is None else f"from {low} to {high}"
    return f"{_label(name)} must be {span}, not {given}"


_WANTED: Final = {
    "int_": "a whole number",
    "float_": "a number",
    "bool_": "true or false",
    "enum": "en-US or zh-CN",
}
"""How the type of a pydantic error begins → what the setting must be."""


def _label(name: str | None) -> str:
    return f"{PREFIX}{name}".upper()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def defaults() -> list[tuple[str, str, str]]:
    """Return (environment name, default, what it is) of every setting, for help and docs."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default
        if isinstance(default, tuple):
            default = ",".join(default)
        text = "" if default is None else str(getattr(default, "value", default))
        shown = text.lower() if isinstance(default, bool) else text
        rows.append((_label(name), shown, field.description or ""))
    return rows
