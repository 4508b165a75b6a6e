"""Everything configurable, from the environment, checked at start.

One model; ``docs/settings.md`` is generated from it and its docstring. A wrong setting fails the start with one
sentence that names the variable. Read by msgspec, not by pydantic: every function does this before
its first call, and pydantic would be a third of that time (docs/measurements.md, cold start).
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal, get_origin
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta

from vindrop.domain.redaction import Secret, redact
from vindrop.telemetry import log

PREFIX: Final = "VINDROP_"
_AROUND: Final = " \t\r\n\v\f\0\x85\xa0\u200b\u200c\u200d\u2028\u2029\u2060\u3000\ufeff"
"""What comes along when a value is copied: blanks of all kinds, line ends, byte order marks."""
_PLAIN: Final = r"(?:https?://)?(?:[a-z0-9]+[.-])*[a-z0-9]+(?::[1-5][0-9]{0,4})?"
_LARGEST: Final = 2**31 - 1  # no column takes more
Words = tuple[str, ...]
"""Written as one text, with spaces or commas between."""


class SettingsError(ValueError):
    """A setting is wrong. ``str()`` is one sentence that names it and says what it takes."""


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + name.upper()


_FORMED: Final = (
    *("vinocr_secret_id", "vinocr_secret_key", "vinocr_region", "api_keys"),
    *("cors_origins", "allowed_buckets", "upload_bucket", "upload_region", "recognizers"),
    "session_secret",
)
"""Settings whose text has a form of its own, which is looked at where one of them is given."""
_OF_CASCADE: Final = ("cascade", "recognizer_keys", "sure", "cascade_wait")
_ALONE: Final = "is set, and VINDROP_RECOGNIZERS, without which it has no effect, is not"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every setting, with its default. The variable is ``VINDROP_`` and the name in capitals.

    :param results: Where readings go: one URL, or several separated by spaces, each served.
    :param dead_letters: Where dead letters go: one URL, or several separated by spaces.
    :param ledger: The state of every upload (claimed, waiting for a retry, answered,
        delivered): a URL, or `none` (weaker promise: see docs/promises.md).
    :param rate_limiter: Where instances share the rate limiter's state: a URL, or `memory` (one
        instance only). Default: the ledger's store.
    :param vinocr_endpoint: VinOCR's host, host:port, or http://host:port.
        `ocr.intl.tencentcloudapi.com` for accounts of the international site; your own VinOCR
        where you run one.
    :param vinocr_region: Region sent with each call; not required by the API.
    :param vinocr_language: Language of VinOCR's error messages.
    :param vinocr_secret_id: SecretId for VinOCR, where it is not the execution role's (AWS;
        your own VinOCR).
    :param vinocr_secret_key: Its SecretKey.
    :param recognizers: Recognizers, in the order in which they are asked (docs/cascade.md), instead
        of `VINDROP_VINOCR_ENDPOINT`: `name=url?price=…&rate=…`, several separated by spaces, or a JSON list.
    :param recognizer_keys: Their keys: `name=SecretId:SecretKey`, several separated by spaces.
    :param cascade: `first_sure` stops at the first answer that is sure, `agree` asks until two agree,
        `fallback` asks the next one only where one gives no VIN.
    :param sure: Confidence from which an answer is sure (docs/cascade.md: how it was chosen).
    :param cascade_wait: Seconds that an answer which is not sure waits for a recognizer that cannot be
        asked (out of reach, blocked, over its rate or its cap); then it goes out as doubtful. 0: at once.
    :param vinocr_timeout: Seconds that one call may take as a whole: connecting, sending, the
        queue of VinOCR, reading, and the last byte of the answer.
    :param vinocr_connect_timeout: Seconds of these to connect to VinOCR.
    :param account: Name under which instances share the rate limiter and the circuit breaker of
        one VinOCR account; two accounts in one store need two names.
    :param rate: Calls per second the account may make.
    :param burst: Calls that may start at once after an idle time; 1: always evenly spaced. At
        most rate × T + burst calls start in any T seconds, so keep rate + burst - 1 within what
        the provider allows in one second.
    :param interactive_wait: Seconds that uploads may reserve permits ahead: an HTTP caller
        waits behind no more than this, however long the backlog (no head-of-line blocking).
    :param max_base64_mb: Largest image VinOCR takes, in megabytes after Base64; larger ones are
        shrunk.
    :param max_download_mb: Largest object fetched at all, in megabytes.
    :param max_megapixels: Most pixels decoded here; more is refused as a bomb.
    :param memory_mb: Megabytes that no image may exceed. 0: as the platform says, else 2048 for it.
    :param image: How VinOCR gets the photo: a signed URL, its bytes, or the better of the two
        (URL from COS, bytes from other clouds; bytes whenever a URL cannot work).
    :param url_seconds: Seconds that a signed URL lives.
    :param concurrency: Uploads of one batch that one invocation works on at the same time.
    :param max_attempts: Runs of one upload that may fail with a code that nobody knows, or die,
        before it is a dead letter. Failures that pass do not count: see `VINDROP_MAX_AGE`.
    :param max_age: Seconds that an upload is retried for failures that pass (network, service,
        bucket), from the first of them, before it is a dead letter. Default: three days.
    :param retry_seconds: Longest wait before the first retry of an upload, in seconds; doubles
        each time, up to an hour (exponential backoff with full jitter).
    :param daily_calls: Calls per day (UTC) that may be billed; what comes after waits for
        tomorrow, and one alarm is raised. 0: no cap.
    :param price_per_call: Price of one call in your currency: what `vindrop backfill` and
        `vindrop stats` reckon with.
    :param probe_seconds: While the circuit breaker is open (the account is blocked): seconds
        until the first probe; the pauses between probes double, up to a quarter of an hour.
    :param allowed_buckets: Buckets whose photos may be read (tencent: name-appid): ``bucket`` in
        every region and cloud, ``bucket@region`` in that region only. Empty: all.
    :param key_prefixes: Only keys that begin with one of these. Empty: all.
    :param key_suffixes: Only keys that end with one of these, in any case. Empty: all.
    :param ignored_prefixes: Keys that begin with one of these are never read (our own output).
    :param storage_endpoint: http://host:port of a store compatible with COS, S3 or OSS instead
        of the cloud's own.
    :param storage_timeout: Seconds that fetching a photo may stall.
    :param api_keys: Keys of HTTP callers, eight characters or more each: `key`, which may send
        photos, or `name:role:key` with the role `capture`, `review` or `admin`. Without any, HTTP
        from outside is refused.
    :param session_secret: What sessions of the console are signed with, 32 characters or more.
        Default: made from each key.
    :param session_hours: Hours after which one signs in again.
    :param http_seconds: Seconds that an HTTP caller is kept waiting at most; below the
        gateway's own limit (AWS: 29).
    :param cors_origins: Origins (https://host) whose pages may call the HTTP function, or `*`.
        The function's own page needs none.
    :param upload_bucket: Bucket that photos too large for an HTTP request are put into, by a
        signed URL (tencent: name-appid). Empty: such photos are refused.
    :param upload_region: Its region. Default: the function's own region.
    :param upload_prefix: Prefix of their keys. Storage events for it are ignored, so that none
        is paid for twice: each is read when its caller asks.
    :param vehicle: Whether a reading says what vehicle it is (make, model, body …). Needs the
        extra `vehicle`, or its layer.
    :param log_level: Least severe log line written.
    """

    results: Words
    dead_letters: Words
    ledger: str
    rate_limiter: str = ""
    vinocr_endpoint: str = "ocr.tencentcloudapi.com"
    vinocr_region: str = ""
    vinocr_language: Literal["en-US", "zh-CN"] = "en-US"
    vinocr_secret_id: Secret = Secret("")
    vinocr_secret_key: Secret = Secret("")
    recognizers: str = ""
    recognizer_keys: tuple[Secret, ...] = ()
    cascade: Literal["first_sure", "agree", "fallback"] = "first_sure"
    sure: Annotated[float, Meta(ge=0, le=1)] = 0.97
    cascade_wait: Annotated[float, Meta(ge=0)] = 3_600.0
    vinocr_timeout: Annotated[float, Meta(gt=0, le=60)] = 20.0
    vinocr_connect_timeout: Annotated[float, Meta(gt=0, le=60)] = 3.0
    account: Annotated[str, Meta(pattern=r"^[\w.:-]{1,64}$")] = "vinocr"
    rate: Annotated[float, Meta(gt=0, le=1000)] = 10.0
    burst: Annotated[int, Meta(ge=1, le=1000)] = 1
    interactive_wait: Annotated[float, Meta(gt=0)] = 2.0
    max_base64_mb: Annotated[float, Meta(gt=0, le=10)] = 7.0
    max_download_mb: Annotated[float, Meta(gt=0)] = 64.0
    max_megapixels: Annotated[float, Meta(gt=0)] = 200.0
    memory_mb: Annotated[float, Meta(ge=0)] = 0.0
    image: Literal["auto", "url", "bytes"] = "auto"
    url_seconds: Annotated[int, Meta(ge=1, le=43200)] = 600
    concurrency: Annotated[int, Meta(ge=1, le=32)] = 4
    max_attempts: Annotated[int, Meta(ge=1, le=100)] = 5
    max_age: Annotated[float, Meta(gt=0)] = 259_200.0
    retry_seconds: Annotated[float, Meta(gt=0)] = 30.0
    daily_calls: Annotated[int, Meta(ge=0)] = 0
    price_per_call: Annotated[float, Meta(ge=0)] = 0.0
    probe_seconds: Annotated[float, Meta(gt=0)] = 60.0
    allowed_buckets: Words = ()
    key_prefixes: Words = ()
    key_suffixes: Words = ()
    ignored_prefixes: Words = ()
    storage_endpoint: str = ""
    storage_timeout: Annotated[float, Meta(gt=0)] = 10.0
    api_keys: tuple[Secret, ...] = ()
    session_secret: Secret = Secret("")
    session_hours: Annotated[float, Meta(gt=0, le=168)] = 12.0
    http_seconds: Annotated[float, Meta(gt=0, le=900)] = 25.0
    cors_origins: Words = ()
    upload_bucket: str = ""
    upload_region: str = ""
    upload_prefix: Annotated[str, Meta(min_length=1, pattern=r"^[^\x00-\x1f\x7f-\x9f]+$")] = (
        "vindrop-http/"
    )
    vehicle: bool = False
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    def __post_init__(self) -> None:
        for name in ("results", "dead_letters"):
            if not getattr(self, name):
                raise SettingsError(
                    f"{variable(name)} needs a URL, such as sqlite:////tmp/vindrop.db"
                )
        for name in ("vinocr_endpoint", "storage_endpoint"):
            msgspec.structs.force_setattr(self, name, _endpoint(name, getattr(self, name)))
        if self.storage_endpoint and "://" not in self.storage_endpoint:
            raise SettingsError(
                f"{variable('storage_endpoint')} is {redact(self.storage_endpoint)!r}: takes "
                "http://host:port or https://host:port"
            )
        origins = tuple(each.rstrip("/") for each in self.cors_origins)
        msgspec.structs.force_setattr(self, "cors_origins", origins)
        nothing = ("", (), Secret(""))
        if any(getattr(self, name) not in nothing for name in _FORMED):
            self._check()

    def _check(self) -> None:
        """Refuse what would fail at the first upload only, or let in more than is meant.

        :raises SettingsError: one sentence.
        """
        from vindrop.domain import setting_forms as checks

        secret_id, secret_key = (
            each.get_secret_value() for each in (self.vinocr_secret_id, self.vinocr_secret_key)
        )
        checked: list[tuple[str, str, Callable[[str], str | None]]] = [
            ("vinocr_secret_id", secret_id, checks.secret),
            ("vinocr_secret_key", secret_key, checks.secret),
            ("vinocr_region", self.vinocr_region, checks.region),
            ("upload_region", self.upload_region, checks.region),
            *(("api_keys", each.get_secret_value(), checks.api_key) for each in self.api_keys),
            *(("cors_origins", each, checks.origin) for each in self.cors_origins),
            *(("allowed_buckets", each, checks.bucket) for each in self.allowed_buckets),
            ("upload_bucket", self.upload_bucket.replace("@", "/"), checks.bucket),
            ("session_secret", self.session_secret.get_secret_value(), checks.session_secret),
        ]
        for name, text, check in checked:
            if text and (wrong := check(text)):
                raise SettingsError(f"{variable(name)} {wrong}")
        if wrong := checks.api_keys(self.api_keys):
            raise SettingsError(f"{variable('api_keys')} {wrong}")
        names = variable("vinocr_secret_id"), variable("vinocr_secret_key")
        wrong = checks.pair(secret_id, secret_key, names)
        if (text := self.recognizers) and not wrong:
            words = tuple(each.get_secret_value() for each in self.recognizer_keys)
            wrong = checks.recognizers(text, words, secret_id, self.cascade, self.account)
        if wrong:
            raise SettingsError(wrong)

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
        reason = f"{variable(old)} is called {variable(new)} now: rename it"
        log("setting_renamed", level="warning", setting=variable(old), reason=reason)


def fields() -> Mapping[str, msgspec.structs.FieldInfo]:
    """Return name → field of every setting, in order."""
    return {field.name: field for field in msgspec.structs.fields(Settings)}


def description(field: msgspec.structs.FieldInfo) -> str:
    """Return what a setting is for, as the docstring of `Settings` says it."""
    pattern = rf":param {field.name}:(.*?)(?=:param|$)"
    found = re.search(pattern, " ".join((Settings.__doc__ or "").split()))
    return found[1].strip() if found else ""


def load(environment: Mapping[str, str]) -> Settings:
    """Read the settings from ``environment``.

    :raises SettingsError: one sentence for the first thing that is wrong.
    """
    given = {
        name.removeprefix(PREFIX).lower(): value.strip(_AROUND)
        for name, value in environment.items()
        if name.startswith(PREFIX) and value != "" and name != "VINDROP_LANG"  # the command's
    }
    known = fields()
    for old, new in RENAMED.items():
        if old in given and old not in known:
            given.setdefault(new, given.pop(old))
            _warn_renamed(old, new)
    for name in given:
        if name not in known:
            from vindrop.domain.setting_forms import not_a_setting  # only for a mistake

            raise SettingsError(not_a_setting(variable(name), map(variable, known)))
    for name, field in known.items():
        if field.required and name not in given:
            raise SettingsError(f"{variable(name)} is not set. {description(field)}")
        if name in given and not given[name].replace(",", " ").split():
            says = f"{variable(name)} is blank: give it a value, or leave it out."
            raise SettingsError(f"{says} {description(field)}")
    found = {name: _read(known[name], value) for name, value in given.items()}
    for name in () if found.get("recognizers") else _OF_CASCADE:
        if found.get(name, known[name].default) != known[name].default:
            raise SettingsError(f"{variable(name)} {_ALONE}")
    return Settings(**found)


def _read(field: msgspec.structs.FieldInfo, text: str) -> Any:
    """Return the value that a variable's text gives its setting.

    :raises SettingsError: the text is not a value of this setting.
    """
    several = get_origin(field.type) is tuple
    value: Any = text.replace(",", " ").split() if several else text
    try:
        found = msgspec.convert(value, field.type, strict=False, dec_hook=_custom)
        if not isinstance(found, int | float) or abs(found) <= _LARGEST:
            return found
        reason = f"takes a number up to {_LARGEST:,}"
    except msgspec.ValidationError as error:
        from vindrop.domain.setting_forms import reason_of  # only for a mistake

        reason = reason_of(field.type, str(error))
    shown = "wrong" if "secret" in field.name or "keys" in field.name else repr(redact(text))
    raise SettingsError(f"{variable(field.name)} is {shown}: {reason}")


def _custom(kind: type, value: Any) -> Any:
    if kind is Secret:
        return Secret(value)
    raise NotImplementedError(f"{kind} is not a type that a setting can have")


def _endpoint(name: str, value: str) -> str:
    """Return a server's address as a setting gives it, without a slash at its end."""
    if not value or re.fullmatch(_PLAIN, value):
        return value
    from vindrop.domain import setting_forms

    if wrong := setting_forms.endpoint(value):
        raise SettingsError(f"{variable(name)} {wrong}")
    return value.rstrip("/")
