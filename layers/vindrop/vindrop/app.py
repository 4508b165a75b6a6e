"""Everything wired together from the environment, kept warm between invocations.

Opened once per set of settings: connections survive, as the platform lets them. Credentials are
read from the environment at every call, since an execution role's expire while a function lives.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vindrop import settings as settings_module
from vindrop.attempt import Attempt
from vindrop.delivery import Delivery
from vindrop.hush import hush
from vindrop.ledger import Ledger, open_ledger
from vindrop.photo import Photographer
from vindrop.pipeline import Pipeline
from vindrop.quota import Quota, open_quota
from vindrop.recognizer import Recognizer
from vindrop.settings import Settings
from vindrop.storage import Storage
from vindrop.telemetry import set_level


@dataclass(frozen=True, slots=True)
class App:
    """The parts a function works with."""

    settings: Settings
    ledger: Ledger
    quota: Quota
    delivery: Delivery
    storage: Storage
    pipeline: Pipeline
    interactive: Pipeline
    """The same for a caller who waits for the answer: its place in the quota is before uploads."""


def build(
    settings: Settings,
    environment: Mapping[str, str] | None = None,
    *,
    step: Callable[[str], None] = lambda _: None,
) -> App:
    """Open what ``settings`` name.

    :param environment: where credentials are read, at every call; the process's own by default.
    :raises StoreSettingError: a URL is wrong, or its client is not installed.
    :raises StoreError: a store is away.
    """
    given = os.environ if environment is None else environment
    ledger = open_ledger(settings.ledger, account=settings.account, environment=given)
    quota = open_quota(
        settings.quota_url, account=settings.account, rate=settings.rate, environment=given
    )
    delivery = Delivery.open(settings, given)
    storage = Storage(settings, given)
    photographer = Photographer(settings, storage)
    recognizer = Recognizer(settings)

    def pipeline(*, interactive: bool) -> Pipeline:
        attempt = Attempt(
            settings, given, ledger, quota, photographer, recognizer, interactive=interactive
        )
        return Pipeline(settings, ledger, attempt, delivery, step=step)

    return App(
        settings,
        ledger,
        quota,
        delivery,
        storage,
        pipeline(interactive=False),
        pipeline(interactive=True),
    )


_warm: tuple[Settings, App] | None = None


def from_environment() -> App:
    """Return the app of this process's settings, opened when first asked for.

    :raises SettingsError: a setting is wrong.
    """
    global _warm  # noqa: PLW0603  # what a warm instance keeps
    hush()
    settings = settings_module.load(os.environ)
    if _warm is None or _warm[0] != settings:
        set_level(settings.log_level)
        _warm = (settings, build(settings))
    return _warm[1]
