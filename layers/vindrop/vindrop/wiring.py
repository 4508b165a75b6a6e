"""Everything wired together from the environment, kept warm between invocations.

Opened once per set of settings: connections survive, as the platform lets them. Credentials are
read from the environment at every call, since an execution role's expire while a function lives.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from vindrop import settings as settings_module
from vindrop import tracing
from vindrop.clouds import Stores
from vindrop.core import invocation
from vindrop.core.app import App, Engine
from vindrop.core.attempt import Attempt
from vindrop.core.circuit_breaker import CircuitBreaker
from vindrop.core.delivery import Delivery
from vindrop.core.destination import Destination
from vindrop.core.invocation import Invocation
from vindrop.core.ledger import Ledger
from vindrop.core.photo import Photographer
from vindrop.core.pipeline import Pipeline
from vindrop.core.store_errors import StoreSettingError
from vindrop.destinations import name_of, open_destination
from vindrop.recognizers.vinocr import VinOCR
from vindrop.settings import Settings
from vindrop.stores import open_ledger, open_rate_limiter
from vindrop.telemetry import bind, quiet_libraries, set_level

if TYPE_CHECKING:
    from vindrop.core.ledger import Ledger
    from vindrop.core.rate_limiter import RateLimiter
    from vindrop.core.review import Reviewer, StoredConsole


def build(settings: Settings, environment: Mapping[str, str] | None = None) -> App:
    """Open what ``settings`` name.

    :param environment: where credentials are read, at every call; the process's own by default.
    :raises StoreSettingError: a URL is wrong, or its client is not installed.
    :raises StoreError: a store is away.
    """
    given = os.environ if environment is None else environment
    _check_vehicle(settings)
    ledger = open_ledger(settings.ledger, account=settings.account, environment=given)
    delivery = open_delivery(settings, given)
    storage = Stores(settings, given)
    photographer = Photographer(settings, storage)
    if settings.recognizers:
        return _with_cascade(settings, ledger, delivery, storage, photographer, given)
    rate_limiter = open_rate_limiter(
        settings.rate_limiter_url,
        account=settings.account,
        rate=settings.rate,
        burst=settings.burst,
        environment=given,
    )
    recognizer = VinOCR(settings, given)
    breaker = CircuitBreaker(ledger, settings.probe_seconds)

    def pipeline(*, interactive: bool) -> Pipeline:
        attempt = Attempt(
            settings, breaker, rate_limiter, photographer, recognizer, interactive=interactive
        )
        return Pipeline(settings, ledger, attempt, delivery)

    return App(
        settings,
        ledger,
        rate_limiter,
        delivery,
        storage,
        photographer,
        recognizer,
        pipeline(interactive=False),
        pipeline(interactive=True),
        _console(ledger, rate_limiter, delivery, settings.price_per_call),
    )


def _with_cascade(
    settings: Settings,
    ledger: Ledger,
    delivery: Delivery,
    storage: Stores,
    photographer: Photographer,
    environment: Mapping[str, str],
) -> App:
    from vindrop.core.cascade import Cascade, Member  # few functions have several recognizers
    from vindrop.recognizers.engines import open_engines

    engines = open_engines(settings, ledger, environment)
    breakers = [CircuitBreaker(each.ledger, settings.probe_seconds) for each in engines]

    def pipeline(*, interactive: bool) -> Pipeline:
        members = [
            Member(
                engine.name,
                Attempt(
                    engine.settings,
                    breaker,
                    engine.rate_limiter,
                    photographer,
                    engine.recognizer,
                    interactive=interactive,
                ),
                breaker,
                engine.unconfirmed,
            )
            for engine, breaker in zip(engines, breakers, strict=True)
        ]
        cascade = Cascade(settings, ledger, members)
        return Pipeline(settings, ledger, members[0].attempt, delivery, cascade=cascade)

    return App(
        settings,
        ledger,
        engines[0].rate_limiter,
        delivery,
        storage,
        photographer,
        engines[0].recognizer,
        pipeline(interactive=False),
        pipeline(interactive=True),
        _console(ledger, engines[0].rate_limiter, delivery, _price(engines)),
        engines,
    )


def _price(engines: tuple[Engine, ...]) -> float:
    """Return the price of a billed call, or 0 where it depends on whom it went to.

    The overview adds up calls by the hour, whoever answered them: it can tell no sum of such prices.
    """
    prices = {each.settings.price_per_call for each in engines if each.recognizer.bills}
    return prices.pop() if len(prices) == 1 else 0.0


def _check_vehicle(settings: Settings) -> None:
    if not settings.vehicle:
        return
    from vindrop.domain import vehicle

    if not vehicle.available():
        raise StoreSettingError(
            "VINDROP_VEHICLE is on and needs the package ultravin: install vindrop[vehicle], or attach "
            "the layer that carries it"
        )


def open_delivery(settings: Settings, environment: Mapping[str, str] | None = None) -> Delivery:
    """Open the destinations that the settings name.

    :param environment: where a cloud's keys are read, at every call.
    :raises StoreSettingError: a URL is wrong, or its client is not installed.
    :raises StoreError: a destination is away.
    """

    def opened(urls: tuple[str, ...], setting: str) -> dict[str, Destination]:
        return {name_of(url): open_destination(url, environment, setting) for url in urls}

    return Delivery(
        opened(settings.results, "VINDROP_RESULTS"),
        opened(settings.dead_letters, "VINDROP_DEAD_LETTERS"),
    )


def _console(
    ledger: Ledger, rate_limiter: RateLimiter, delivery: Delivery, price: float
) -> Callable[[], tuple[StoredConsole, Reviewer]]:
    """Return what opens the console once, when it is first asked for: no upload needs it.

    :param price: of a billed call; 0: not known.
    """

    @functools.cache
    def opened() -> tuple[StoredConsole, Reviewer]:
        from vindrop.core.review_desk import ReviewDesk
        from vindrop.stores import open_console

        console = open_console(ledger, rate_limiter, price)
        return console, ReviewDesk(console, console.review_store, delivery, ledger.database)

    return opened


_warm: tuple[Settings, App] | None = None


def from_environment() -> App:
    """Return the app of this process's settings, opened when first asked for.

    :raises SettingsError: a setting is wrong.
    """
    global _warm  # noqa: PLW0603  # what a warm instance keeps
    quiet_libraries()
    settings = settings_module.load(os.environ)
    if _warm is None or _warm[0] != settings:
        set_level(settings.log_level)
        _warm = (settings, build(settings))
    return _warm[1]


def _tell_memory(app: App, megabytes: float) -> None:
    """Tell whoever decodes photos here what the function has; 0: its platform does not say."""
    app.photographer.memory_mb = megabytes
    for engine in app.engines:
        if hasattr(engine.recognizer, "memory_mb"):  # our own reader in this process
            engine.recognizer.memory_mb = app.settings.memory_mb or megabytes


def entry(process: Callable[[App, Any, Invocation], dict[str, Any]]) -> Callable[[Any, Any], Any]:
    """Return what a platform invokes: ``process`` with this process's app, inside the call's trace.

    :raises SettingsError: at a call, where a setting is wrong.
    """

    def main_handler(event: Any, context: Any) -> dict[str, Any]:
        call = invocation.of(context)
        parent = tracing.traceparent(os.environ.get("_X_AMZN_TRACE_ID"))
        with (
            bind(request_id=call.request_id or None, function=call.function or None),
            tracing.follow(parent),
        ):
            app = from_environment()
            _tell_memory(app, call.memory_mb)
            return process(app, event, call)

    return main_handler
