"""Everything configurable, from the environment, checked at start.

One model; ``docs/settings.md`` is generated from it. A wrong setting fails the start with one
sentence that names the variable. Read by msgspec, not by pydantic: every function does this before
its first call, and pydantic would be a third of that time (docs/measurements.md, cold start).
"""

from collections.abc import Mapping
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from vindrop.domain.redaction import Secret
from vindrop.settings_reader import PREFIX, SettingsError, description, endpoint, read, variable
from vindrop.telemetry import log

__all__ = [
    "PREFIX",
    "Secret",
    "Settings",
    "SettingsError",
    "Words",
    "description",
    "fields",
    "load",
    "variable",
]

Words = tuple[str, ...]
"""Written as one text, with spaces or commas between."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting, with its default. The variable is ``VINDROP_`` and the name in capitals."""

    results: Annotated[
        Words,
        Meta(
            description="Where readings go: one URL, or several separated by spaces, each served."
        ),
    ]
    dead_letters: Annotated[
        Words,
        Meta(description="Where dead letters go: one URL, or several separated by spaces."),
    ]
    ledger: Annotated[
        str,
        Meta(
            description="The state of every upload (claimed, waiting for a retry, answered, delivered): a "
            "URL, or `none` (weaker promise: see docs/promises.md)."
        ),
    ]
    rate_limiter: Annotated[
        str,
        Meta(
            description="Where instances share the rate limiter's state: a URL, or `memory` (one instance "
            "only). Default: the ledger's store."
        ),
    ] = ""
    vinocr_endpoint: Annotated[
        str,
        Meta(
            description="VinOCR's host, host:port, or http://host:port. `ocr.intl.tencentcloudapi.com` for "
            "accounts of the international site; your own VinOCR where you run one."
        ),
    ] = "ocr.tencentcloudapi.com"
    vinocr_region: Annotated[
        str,
        Meta(description="Region sent with each call; not required by the API."),
    ] = ""
    vinocr_language: Annotated[
        Literal["en-US", "zh-CN"],
        Meta(description="Language of VinOCR's error messages."),
    ] = "en-US"
    vinocr_secret_id: Annotated[
        Secret,
        Meta(
            description="SecretId for VinOCR, where it is not the execution role's (AWS; your own VinOCR)."
        ),
    ] = Secret("")
    vinocr_secret_key: Annotated[Secret, Meta(description="Its SecretKey.")] = Secret("")
    vinocr_timeout: Annotated[
        float,
        Meta(gt=0, le=60, description="Seconds that one call may take."),
    ] = 10.0
    vinocr_connect_timeout: Annotated[
        float,
        Meta(gt=0, le=60, description="Seconds to connect to VinOCR."),
    ] = 3.0
    account: Annotated[
        str,
        Meta(
            pattern=r"^[\w.:-]{1,64}$",
            description="Name under which instances share the rate limiter and the circuit breaker of one "
            "VinOCR account; two accounts in one store need two names.",
        ),
    ] = "vinocr"
    rate: Annotated[
        float,
        Meta(gt=0, le=1000, description="Calls per second the account may make."),
    ] = 10.0
    burst: Annotated[
        int,
        Meta(
            ge=1,
            le=1000,
            description="Calls that may start at once after an idle time; 1: always evenly spaced. At "
            "most rate × T + burst calls start in any T seconds, so keep rate + burst - 1 within what "
            "the provider allows in one second.",
        ),
    ] = 1
    interactive_wait: Annotated[
        float,
        Meta(
            gt=0,
            description="Seconds that uploads may reserve permits ahead: an HTTP caller waits behind no "
            "more than this, however long the backlog (no head-of-line blocking).",
        ),
    ] = 2.0
    max_base64_mb: Annotated[
        float,
        Meta(
            gt=0,
            le=10,
            description="Largest image VinOCR takes, in megabytes after Base64; larger ones are shrunk.",
        ),
    ] = 7.0
    max_download_mb: Annotated[
        float,
        Meta(gt=0, description="Largest object fetched at all, in megabytes."),
    ] = 64.0
    max_megapixels: Annotated[
        float,
        Meta(gt=0, description="Most pixels decoded here; more is refused as a bomb."),
    ] = 200.0
    memory_mb: Annotated[
        float,
        Meta(
            ge=0,
            description="Megabytes of memory that the function has; an image that would take more to "
            "decode is refused before it is decoded. 0: what the platform says, else 2048.",
        ),
    ] = 0.0
    image: Annotated[
        Literal["auto", "url", "bytes"],
        Meta(
            description="How VinOCR gets the photo: a signed URL, its bytes, or the better of the two (URL "
            "from COS, bytes from other clouds; bytes whenever a URL cannot work)."
        ),
    ] = "auto"
    url_seconds: Annotated[
        int,
        Meta(ge=1, le=43200, description="Seconds that a signed URL lives."),
    ] = 600
    concurrency: Annotated[
        int,
        Meta(
            ge=1,
            le=32,
            description="Uploads of one batch that one invocation works on at the same time.",
        ),
    ] = 4
    max_attempts: Annotated[
        int,
        Meta(ge=1, le=100, description="Attempts per upload before it is a dead letter."),
    ] = 5
    retry_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="Longest wait before the first retry of an upload, in seconds; doubles each time (exponential backoff with jitter).",
        ),
    ] = 30.0
    price_per_call: Annotated[
        float,
        Meta(
            ge=0,
            description="Price of one call in your currency: what `vindrop backfill` reckons with.",
        ),
    ] = 0.0
    probe_seconds: Annotated[
        float,
        Meta(
            gt=0,
            description="While the circuit breaker is open (the account is blocked): seconds until the "
            "first probe; the pauses between probes double, up to a quarter of an hour.",
        ),
    ] = 60.0
    allowed_buckets: Annotated[
        Words,
        Meta(description="Buckets whose photos may be read (tencent: name-appid). Empty: all."),
    ] = ()
    key_prefixes: Annotated[
        Words,
        Meta(description="Only keys that begin with one of these. Empty: all."),
    ] = ()
    key_suffixes: Annotated[
        Words,
        Meta(description="Only keys that end with one of these, in any case. Empty: all."),
    ] = ()
    ignored_prefixes: Annotated[
        Words,
        Meta(description="Keys that begin with one of these are never read (our own output)."),
    ] = ()
    storage_endpoint: Annotated[
        str,
        Meta(
            description="http://host:port of a store compatible with COS, S3 or OSS instead of the cloud's own."
        ),
    ] = ""
    storage_timeout: Annotated[
        float,
        Meta(gt=0, description="Seconds that fetching a photo may stall."),
    ] = 10.0
    api_keys: Annotated[
        tuple[Secret, ...],
        Meta(description="Keys of HTTP callers. Without any, HTTP from outside is refused."),
    ] = ()
    http_seconds: Annotated[
        float,
        Meta(
            gt=0,
            le=900,
            description="Seconds that an HTTP caller is kept waiting at most; below the gateway's own limit "
            "(AWS: 29).",
        ),
    ] = 25.0
    cors_origins: Annotated[
        Words,
        Meta(
            description="Origins (https://host) whose pages may call the HTTP function, or `*`. The "
            "function's own page needs none."
        ),
    ] = ()
    upload_bucket: Annotated[
        str,
        Meta(
            description="Bucket that photos too large for an HTTP request are put into, by a signed URL "
            "(tencent: name-appid). Empty: such photos are refused."
        ),
    ] = ""
    upload_region: Annotated[
        str,
        Meta(description="Its region. Default: the function's own region."),
    ] = ""
    upload_prefix: Annotated[
        str,
        Meta(
            min_length=1,
            description="Prefix of their keys. Storage events for it are ignored, so that none is paid for "
            "twice: each is read when its caller asks.",
        ),
    ] = "vindrop-http/"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="Least severe log line written."),
    ] = "info"

    def __post_init__(self) -> None:
        for name in ("results", "dead_letters"):
            if not getattr(self, name):
                raise SettingsError(
                    f"{variable(name)} needs a URL, such as sqlite:////tmp/vindrop.db"
                )
        for name in ("vinocr_endpoint", "storage_endpoint"):
            msgspec.structs.force_setattr(self, name, endpoint(name, getattr(self, name)))

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
    def rate_limiter_url(self) -> str:
        """Where the rate limiter's state is kept: its own URL, the ledger's, or memory without a ledger."""
        return self.rate_limiter or (self.ledger if self.ledger != "none" else "memory")


RENAMED: Final = {"quota": "rate_limiter", "park_seconds": "retry_seconds"}
"""Names of version 0.1 → today's. The old ones are accepted, with one warning."""
_warned: set[str] = set()


def _warn_renamed(old: str, new: str) -> None:
    if old not in _warned:
        _warned.add(old)
        log(
            "setting_renamed",
            level="warning",
            setting=variable(old),
            reason=f"{variable(old)} is called {variable(new)} now: rename it",
        )


def fields() -> Mapping[str, msgspec.structs.FieldInfo]:
    """Return name → field of every setting, in order."""
    return {field.name: field for field in msgspec.structs.fields(Settings)}


def load(environment: Mapping[str, str]) -> Settings:
    """Read the settings from ``environment``.

    :raises SettingsError: one sentence for the first thing that is wrong.
    """
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and value != ""
    }
    known = fields()
    for old, new in RENAMED.items():
        if old in given and old not in known:
            given.setdefault(new, given.pop(old))
            _warn_renamed(old, new)
    for name in given:
        if name not in known:
            import difflib  # only for a mistake

            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {variable(close[0])}?" if close else ""
            raise SettingsError(
                f"{variable(name)} is not a setting{hint or ': docs/settings.md lists them all'}"
            )
    for name, field in known.items():
        if field.required and name not in given:
            raise SettingsError(f"{variable(name)} is not set. {description(field)}")
    return Settings(**{name: read(known[name], value) for name, value in given.items()})
