"""``VINDROP_RECOGNIZERS`` → its recognizers, each with a rate limiter, a circuit and a cap of its own.

A recognizer's settings are the general ones with its own options in their place, so that whatever
works with one VinOCR works with each of several. Loaded only where the setting is given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from vindrop.clouds import Credentials, for_vinocr, tencent_role, trimmed, usable
from vindrop.core.app import Engine
from vindrop.core.ledger import Ledger
from vindrop.core.rate_limiter import RateLimiter
from vindrop.core.recognizer import Recognizer
from vindrop.core.store_errors import StoreSettingError
from vindrop.domain import engines
from vindrop.domain.error_codes import NO_CREDENTIALS
from vindrop.domain.failures import FailureError
from vindrop.recognizers.vinocr import VinOCR
from vindrop.settings import Settings
from vindrop.stores import open_rate_limiter
from vindrop.stores.rate_limiter.unlimited import Unlimited

_LOCAL_TIMEOUT: Final = 60.0


def open_engines(
    settings: Settings, ledger: Ledger, environment: Mapping[str, str]
) -> tuple[Engine, ...]:
    """Open the recognizers of ``settings``, in order.

    :param environment: where keys are read, at every call.
    :raises StoreSettingError: the rate limiter's URL is wrong, or a package is missing.
    """
    pairs = engines.keys_of(tuple(each.get_secret_value() for each in settings.recognizer_keys))
    return tuple(
        _open(engine, settings, ledger, environment, pairs.get(engine.name))
        for engine in engines.parse(settings.recognizers)
    )


def wires(
    settings: Settings, environment: Mapping[str, str]
) -> list[tuple[str, Settings, VinOCR | None]]:
    """Return name, settings and client of each recognizer, in order, and open no store.

    None instead of a client: it is in the function's process.
    """
    pairs = engines.keys_of(tuple(each.get_secret_value() for each in settings.recognizer_keys))
    found: list[tuple[str, Settings, VinOCR | None]] = []
    for engine in engines.parse(settings.recognizers):
        own = settings_of(engine, settings)
        given = _credentials(engine, own, environment, pairs.get(engine.name))
        client = None if engine.is_inprocess else VinOCR(own, environment, given)
        found.append((engine.name, own, client))
    return found


def _open(
    engine: engines.Engine,
    settings: Settings,
    ledger: Ledger,
    environment: Mapping[str, str],
    pair: tuple[str, str] | None,
) -> Engine:
    own = settings_of(engine, settings)
    recognizer: Recognizer
    if engine.is_inprocess:
        from vindrop.recognizers.inprocess import InProcess

        recognizer = InProcess()
    else:
        credentials = _credentials(engine, own, environment, pair)
        if engine.keys:
            _check_named(engine, credentials)
        recognizer = VinOCR(own, environment, credentials)
    limiter: RateLimiter = (
        open_rate_limiter(
            settings.rate_limiter_url,
            account=own.account,
            rate=own.rate,
            burst=own.burst,
            environment=environment,
        )
        if own.rate
        else Unlimited()
    )
    return Engine(
        engine.name,
        own,
        recognizer,
        limiter,
        ledger.for_account(own.account),
        unconfirmed=engine.unconfirmed == "doubtful",
    )


def _check_named(engine: engines.Engine, credentials: Callable[[], Credentials]) -> None:
    """Check that the variables which ``keys=`` names hold keys: at the start, not at the first call.

    :raises StoreSettingError: they do not.
    """
    try:
        credentials()
    except FailureError as error:
        raise StoreSettingError(
            f"VINDROP_RECOGNIZERS says keys={engine.keys}: {error.failure.message}"
        ) from None


def settings_of(engine: engines.Engine, settings: Settings) -> Settings:
    """Return the general settings with a recognizer's own options in their place."""
    options = {
        "price_per_call": engine.price,
        "rate": engine.rate,
        "burst": engine.burst,
        "vinocr_timeout": engine.timeout,
        "daily_calls": engine.daily_calls,
        "vinocr_region": engine.region,
        "image": engine.image,
    }
    changes = {name: value for name, value in options.items() if value is not None}
    if engine.price == 0 and engine.daily_calls is None:
        changes["daily_calls"] = 0  # the general cap is one of calls that cost something
    changes["account"] = engine.account or f"{settings.account}.{engine.name}"
    if engine.is_inprocess:  # it fetches nothing, and nobody limits or bills it
        free = {"rate": 0.0, "price_per_call": 0.0, "daily_calls": 0}
        free |= {"vinocr_timeout": _LOCAL_TIMEOUT}
        return msgspec.structs.replace(settings, **{**free, **changes, "image": "bytes"})
    return msgspec.structs.replace(settings, **changes, vinocr_endpoint=engine.endpoint)


def _credentials(
    engine: engines.Engine,
    settings: Settings,
    environment: Mapping[str, str],
    pair: tuple[str, str] | None,
) -> Callable[[], Credentials]:
    """Return what gives a recognizer's keys, at every call.

    Its own first: by name of their variables, or ``VINDROP_RECOGNIZER_KEYS``; then those of
    ``VINDROP_VINOCR_SECRET_ID``; then, for Tencent's own service alone, the role's.
    """
    if engine.keys:
        names = f"{engine.keys}_SECRET_ID", f"{engine.keys}_SECRET_KEY"

        def named() -> Credentials:
            key_id, key = (trimmed(environment.get(name, "")) for name in names)
            if not key_id or not key:
                raise FailureError(
                    NO_CREDENTIALS, f"no keys for {engine.name}: set {names[0]} and {names[1]}"
                )
            return usable(Credentials(key_id, key), names[0])

        return named
    if pair is not None:
        given = Credentials(*map(trimmed, pair))
        return lambda: given

    def general() -> Credentials:
        if not settings.vinocr_secret_id.get_secret_value() and tencent_role(environment) is None:
            raise FailureError(
                NO_CREDENTIALS,
                f"no keys for {engine.name}: give them in VINDROP_RECOGNIZER_KEYS, or name two "
                "variables with keys=; a function on Tencent's cloud can take those of its execution "
                "role",
            )
        return for_vinocr(settings, environment)

    return general
