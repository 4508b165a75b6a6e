"""The one way through on real stores, with answers made up instead of calls to VinOCR."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from tests.library.conftest import a_reading
from vindrop import settings as settings_module
from vindrop.core.attempt import AttemptResult
from vindrop.core.delivery import Delivery
from vindrop.core.invocation import Budget
from vindrop.core.ledger import Ledger
from vindrop.core.outcome import Outcome
from vindrop.core.photo import Fallbacks
from vindrop.core.pipeline import Pipeline
from vindrop.domain.failures import Failure
from vindrop.domain.records import Reading
from vindrop.domain.upload import Upload
from vindrop.stores import open_ledger
from vindrop.stores.ledger.dynamodb import DynamoDBLedger
from vindrop.stores.ledger.sql import SQLLedger
from vindrop.wiring import open_delivery

SECONDS = 30.0


class Answers:
    """Stands where attempts are made: a reading, or the failure that is set."""

    failure: tuple[str, str] | None = None

    def fallbacks(self, *_: Any) -> Fallbacks:
        return Fallbacks("url")

    def seconds_needed(self, _: Budget) -> float:
        return 1.0

    def run(self, *_: Any) -> AttemptResult:
        if self.failure is not None:
            failure = Failure(*self.failure)
            return AttemptResult(failure, billed=1 if failure.rule.billed else 0)
        return AttemptResult(cast("Any", "recognized"), billed=1)

    def reading(self, upload: Upload, _: Any, *, attempts: int, **__: int) -> Reading:
        return replace(a_reading(upload), attempts=attempts)


class Flow:
    """A pipeline whose stores are given by their URLs."""

    def __init__(
        self,
        ledger: str,
        results: str,
        dead_letters: str = "",
        environment: Mapping[str, str] | None = None,
        wrap: Callable[[Delivery], Delivery] = lambda delivery: delivery,
    ) -> None:
        self.settings = settings_module.load(
            {
                "VINDROP_LEDGER": ledger,
                "VINDROP_RESULTS": results,
                "VINDROP_DEAD_LETTERS": dead_letters or results,
                "VINDROP_RETRY_SECONDS": "0.001",
            }
        )
        self.answers = Answers()
        self.ledger: Ledger = open_ledger(ledger, account="test", environment=environment)
        self.delivery = wrap(open_delivery(self.settings, environment))
        self.pipeline = Pipeline(
            self.settings,
            self.ledger,
            cast("Any", self.answers),
            self.delivery,
            sleep=lambda _: None,
        )

    def process(self, upload: Upload) -> Outcome:
        return self.pipeline.process(upload, Budget(SECONDS))

    def sweep(self) -> list[Outcome]:
        """What a sweep does, once everything that waits is due."""
        assert isinstance(self.ledger, SQLLedger | DynamoDBLedger)
        self.ledger.end_leases()
        return [self.process(upload) for upload in self.ledger.retryable(100)]
