"""The uploads of one delivery, several at the same time.

Each message ends by itself: what goes wrong with one is in its `Done` and does not affect the
others. The threads are kept between invocations, and with them their connections to the stores.
"""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from vindrop import tracing
from vindrop.core.app import App
from vindrop.core.invocation import Budget, deadline
from vindrop.core.outcome import Outcome
from vindrop.core.photo import is_allowed
from vindrop.core.pipeline import Pipeline
from vindrop.core.store_errors import StoreError
from vindrop.domain.arrivals import Ignored, Malformed, Message
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import Upload
from vindrop.settings import Settings
from vindrop.telemetry import log

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

ENDED: Final = frozenset({"reading", "dead_letter"})

_threads: tuple[int, ThreadPoolExecutor] | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one message."""

    message: Message
    outcome: Outcome | None = None
    refused: bool = False
    """It named no object, and is a dead letter."""
    redeliver: str | None = None
    """Why the platform must redeliver the message; None: it need not."""


def run(app: App, messages: Sequence[Message], budget: Budget) -> list[Done]:
    """Process every message; the results are in the order of ``messages``."""
    work = partial(_one, app, budget)
    if len(messages) < 2 or app.settings.concurrency == 1:
        return [work(message) for message in messages]
    pool = threads(app.settings.concurrency)
    # Each thread logs with the fields, and in the trace, of the invocation.
    jobs = [pool.submit(contextvars.copy_context().run, work, m) for m in messages]
    return [job.result() for job in jobs]


def resolve_and_process(app: App, upload: Upload, budget: Budget, pipeline: Pipeline) -> Outcome:
    """Process one upload, under the identity of the version that is meant (`resolve_version`).

    :raises StoreError: the ledger is away.
    """
    allowed = is_allowed(app.settings, upload.bucket, upload.region, upload.key)
    if allowed and (
        not upload.version or app.storage.of(upload.cloud).etag_of(upload.version) == upload.version
    ):
        from vindrop.core.resolve_version import identify  # an event says which version is meant

        # The pipeline meets a failure too, and decides.
        with contextlib.suppress(FailureError), deadline(max(budget.left(), 0.0)):
            upload = identify(app.storage, app.ledger, upload)
    return pipeline.process(upload, budget)


def _one(app: App, budget: Budget, message: Message) -> Done:
    try:
        with tracing.follow(message.trace):
            return _work(app, budget, message)
    except StoreError as error:
        return Done(message, redeliver=str(error))
    except Exception as error:  # noqa: BLE001  # a defect of ours: this message's, not its neighbours'
        log("defect", level="error", kind=type(error).__name__, reason=str(error))
        return Done(message, redeliver=f"{type(error).__name__}, which is a defect: {error}")


def _work(app: App, budget: Budget, message: Message) -> Done:
    arrival = message.arrival
    if isinstance(arrival, Malformed):
        from vindrop.core import dead_letters  # few events are malformed

        dead_letters.refuse(app.delivery, arrival.id, arrival.why, arrival.code)
        return Done(message, refused=True)
    reason = arrival.why if isinstance(arrival, Ignored) else ignored(arrival, app.settings)
    if reason is not None:
        what = arrival.what if isinstance(arrival, Ignored) else arrival.key
        log("ignored", what=what, reason=reason)
        return Done(message)
    assert isinstance(arrival, Upload)  # noqa: S101  # the only one left; mypy cannot know
    outcome = resolve_and_process(app, arrival, budget, app.pipeline)
    if outcome.end in ENDED or app.ledger.durable:
        return Done(message, outcome)
    code = f": {outcome.failure.code}" if outcome.failure else ""
    return Done(
        message, outcome, redeliver=f"there is no ledger in which it could wait for a retry{code}"
    )


def ignored(upload: Upload, settings: Settings) -> str | None:
    """Return why ``upload`` is not to be read, or None: it is."""
    key = upload.key
    asked_for = settings.upload_prefix if upload.bucket == settings.upload_bucket else ""
    if asked_for and key.startswith(asked_for):
        return "begins with VINDROP_UPLOAD_PREFIX: read when its HTTP caller asks for it"
    if settings.ignored_prefixes and key.startswith(settings.ignored_prefixes):
        return "begins with one of VINDROP_IGNORED_PREFIXES"
    if settings.key_prefixes and not key.startswith(settings.key_prefixes):
        return "begins with none of VINDROP_KEY_PREFIXES"
    suffixes = tuple(suffix.lower() for suffix in settings.key_suffixes)
    if suffixes and not key.lower().endswith(suffixes):
        return "ends with none of VINDROP_KEY_SUFFIXES"
    return None


def threads(size: int) -> ThreadPoolExecutor:
    """Return the threads of this instance, and with them their connections to the stores."""
    global _threads  # noqa: PLW0603  # what a warm instance keeps
    if _threads is None or _threads[0] != size:
        from concurrent.futures import ThreadPoolExecutor  # few deliveries hold several uploads

        _threads = (size, ThreadPoolExecutor(size, thread_name_prefix="upload"))
    return _threads[1]
