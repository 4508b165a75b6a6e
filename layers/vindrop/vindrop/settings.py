"""Everything configurable, from the environment, checked at start.

One model; ``docs/settings.md`` is generated from it. A wrong setting fails the start with one
sentence that names the variable.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
)

from vindrop.redact import redact

PREFIX: Final = "VINDROP_"


class SettingsError(ValueError):
    """A setting is wrong. ``str()`` is one sentence that names it and says what it takes."""


def _words(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(word for word in value.replace(",", " ").split() if word)
    return value


Words = Annotated[tuple[str, ...], BeforeValidator(_words)]


class Settings(BaseModel):
    """Every setting, with its default. The variable is ``VINDROP_`` and the name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    results: Words = Field(
        description="Where readings go: one URL, or several separated by spaces, each served."
    )
    dead_letters: Words = Field(
        description="Where dead letters go: one URL, or several separated by spaces."
    )
    ledger: str = Field(
        description="Which uploads are claimed, answered, delivered, parked: a URL, or `none` "
        "(weaker promise: see docs/reliability.md)."
    )
    quota: str = Field(
        default="",
        description="Where instances agree on who may call next: a URL, or `memory` (one instance "
        "only). Default: the ledger's store.",
    )
    vinocr_endpoint: str = Field(
        default="ocr.tencentcloudapi.com",
        description="VinOCR's host, host:port, or http://host:port. `ocr.intl.tencentcloudapi.com` "
        "for accounts of the international site; your own VinOCR where you run one.",
    )
    vinocr_region: str = Field(
        default="", description="Region sent with each call; not required by the API."
    )
    vinocr_language: Literal["en-US", "zh-CN"] = Field(
        default="en-US", description="Language of VinOCR's error messages."
    )
    vinocr_secret_id: SecretStr = Field(
        default=SecretStr(""),
        description="SecretId for VinOCR, where it is not the execution role's (AWS; your own VinOCR).",
    )
    vinocr_secret_key: SecretStr = Field(default=SecretStr(""), description="Its SecretKey.")
    vinocr_timeout: float = Field(
        default=10.0, gt=0, le=60, description="Seconds that one call may take."
    )
    vinocr_connect_timeout: float = Field(
        default=3.0, gt=0, le=60, description="Seconds to connect to VinOCR."
    )
    account: str = Field(
        default="vinocr",
        pattern=r"^[\w.:-]{1,64}$",
        description="Name under which instances share the rate and the block of one VinOCR account; "
        "two accounts in one store need two names.",
    )
    rate: float = Field(
        default=10.0, gt=0, le=1000, description="Calls per second the account may make."
    )
    interactive_wait: float = Field(
        default=2.0,
        gt=0,
        description="Seconds of the quota that uploads may book ahead: an HTTP caller waits behind "
        "no more than this, however long the backlog.",
    )
    max_base64_mb: float = Field(
        default=7.0,
        gt=0,
        le=10,
        description="Largest image VinOCR takes, in megabytes after Base64; larger ones are shrunk.",
    )
    max_download_mb: float = Field(
        default=64.0, gt=0, description="Largest object fetched at all, in megabytes."
    )
    max_megapixels: float = Field(
        default=200.0, gt=0, description="Most pixels decoded here; more is refused as a bomb."
    )
    image: Literal["auto", "url", "bytes"] = Field(
        default="auto",
        description="How VinOCR gets the photo: a signed URL, its bytes, or the better of the two "
        "(URL from COS, bytes from S3; bytes whenever a URL cannot work).",
    )
    url_seconds: int = Field(
        default=600, ge=1, le=43200, description="Seconds that a signed URL lives."
    )
    concurrency: int = Field(
        default=4,
        ge=1,
        le=32,
        description="Uploads of one batch that one invocation works on at the same time.",
    )
    max_attempts: int = Field(
        default=5, ge=1, le=100, description="Attempts per upload before it is a dead letter."
    )
    park_seconds: float = Field(
        default=30.0,
        gt=0,
        description="First wait of a parked upload, in seconds; doubles each time.",
    )
    price_per_call: float = Field(
        default=0.0,
        ge=0,
        description="Price of one call in your currency: what `vindrop backfill` reckons with.",
    )
    probe_seconds: float = Field(
        default=60.0,
        gt=0,
        description="While the account is blocked: seconds between two calls that try it.",
    )
    allowed_buckets: Words = Field(
        default=(),
        description="Buckets whose photos may be read (tencent: name-appid). Empty: all.",
    )
    key_prefixes: Words = Field(
        default=(), description="Only keys that begin with one of these. Empty: all."
    )
    key_suffixes: Words = Field(
        default=(), description="Only keys that end with one of these, in any case. Empty: all."
    )
    ignored_prefixes: Words = Field(
        default=(), description="Keys that begin with one of these are never read (our own output)."
    )
    storage_endpoint: str = Field(
        default="",
        description="http://host:port of a COS- or S3-compatible store instead of the cloud's own.",
    )
    storage_timeout: float = Field(
        default=10.0, gt=0, description="Seconds that fetching a photo may stall."
    )
    api_keys: tuple[SecretStr, ...] = Field(
        default=(), description="Keys of HTTP callers. Without any, HTTP from outside is refused."
    )
    http_seconds: float = Field(
        default=25.0,
        gt=0,
        le=900,
        description="Seconds that an HTTP caller is kept waiting at most; below the gateway's own "
        "limit (AWS: 29).",
    )
    cors_origins: Words = Field(
        default=(),
        description="Origins (https://host) whose pages may call the HTTP function, or `*`. The "
        "function's own page needs none.",
    )
    upload_bucket: str = Field(
        default="",
        description="Bucket that photos too large for an HTTP request are put into, by a signed URL "
        "(tencent: name-appid). Empty: such photos are refused.",
    )
    upload_region: str = Field(
        default="", description="Its region. Default: the function's own region."
    )
    upload_prefix: str = Field(
        default="vindrop-http/",
        min_length=1,
        description="Prefix of their keys. Storage events for it are ignored, so that none is paid "
        "for twice: each is read when its caller asks.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least severe log line written."
    )

    @field_validator("api_keys", mode="before")
    @classmethod
    def _split_keys(cls, value: Any) -> Any:
        return _words(value)

    @field_validator("results", "dead_letters")
    @classmethod
    def _not_empty(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("needs a URL, such as sqlite:////tmp/vindrop.db")
        return value

    @field_validator("vinocr_endpoint", "storage_endpoint")
    @classmethod
    def _endpoint(cls, value: str) -> str:
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
            raise ValueError("takes host, host:port, or http(s)://host:port, without a path")
        return value.rstrip("/")

    @property
    def vinocr_scheme(self) -> str:
        """``http`` or ``https``."""
        return urlsplit(self.vinocr_endpoint).scheme if "://" in self.vinocr_endpoint else "https"

    @property
    def vinocr_host(self) -> str:
        """Host and port without a scheme: what the SDK calls an endpoint."""
        return self.vinocr_endpoint.rpartition("://")[2]

    @property
    def max_image_bytes(self) -> int:
        """Bytes of an image that after Base64 stay within ``max_base64_mb`` (decimal megabytes)."""
        return int(self.max_base64_mb * 1_000_000) // 4 * 3

    @property
    def quota_url(self) -> str:
        """Where the quota lives: its own URL, the ledger's, or memory where there is no ledger."""
        return self.quota or (self.ledger if self.ledger != "none" else "memory")


def load(environment: Mapping[str, str]) -> Settings:
    """Read the settings from ``environment``.

    :raises SettingsError: one sentence for the first thing that is wrong.
    """
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and value != ""
    }
    for name in given:
        if name not in Settings.model_fields:
            close = difflib.get_close_matches(name, Settings.model_fields, n=1)
            hint = f"; did you mean {PREFIX}{close[0].upper()}?" if close else ""
            raise SettingsError(
                f"{PREFIX}{name.upper()} is no setting{hint or ': docs/settings.md lists them all'}"
            )
    try:
        return Settings.model_validate(given)
    except ValidationError as error:
        raise SettingsError(_sentence(error, given)) from None


def _sentence(error: ValidationError, given: Mapping[str, str]) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    name = str(first["loc"][0])
    variable = PREFIX + name.upper()
    if first["type"] == "missing":
        description = Settings.model_fields[name].description or ""
        return f"{variable} is not set. {description}"
    reason = first["msg"].removeprefix("Value error, ")
    reason = reason[0].lower() + reason[1:]
    if "secret" in name or "keys" in name:
        return f"{variable} is wrong: {reason}"
    return f"{variable} is {redact(given.get(name, ''))!r}: {reason}"
