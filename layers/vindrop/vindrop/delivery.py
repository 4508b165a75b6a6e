"""Brings a record to every destination that it is meant for, each once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vindrop.destinations import Destination, name_of, open_destination
from vindrop.records import Reading, Record
from vindrop.settings import Settings
from vindrop.sql import Database
from vindrop.stores import StoreError
from vindrop.telemetry import log


class Delivery:
    """The destinations of readings and of dead letters."""

    def __init__(
        self, readings: Mapping[str, Destination], dead_letters: Mapping[str, Destination]
    ) -> None:
        self._readings = readings
        self._dead_letters = dead_letters

    @classmethod
    def open(cls, settings: Settings) -> Delivery:
        """Open what the settings name.

        :raises StoreSettingError: a URL is wrong, or its client is not installed.
        :raises StoreError: a destination is away.
        """
        return cls(
            {name_of(url): open_destination(url) for url in settings.results},
            {name_of(url): open_destination(url) for url in settings.dead_letters},
        )

    def deliver(
        self,
        record: Record,
        reached: frozenset[str],
        remember: Callable[[frozenset[str]], None],
    ) -> None:
        """Hand ``record`` to every destination that has not got it.

        One that fails does not keep the others from it: they are served, remembered, and only
        the failed one is tried again.

        :param reached: names of destinations that have it.
        :param remember: told the names that have it, where some but not all do.
        :raises StoreError: of the first destination that failed.
        """
        destinations = self._for(record)
        failed: StoreError | None = None
        done = reached
        for name, destination in destinations.items():
            if name in done:
                continue
            try:
                destination.put(record)
            except StoreError as error:
                log("destination_failed", level="warning", destination=name, reason=str(error))
                failed = failed or error
                continue
            done |= {name}
        if failed is not None:
            if done != reached:
                remember(done)
            raise failed

    def is_in(self, database: Database | None, record: Record) -> bool:
        """Whether ``record`` goes to ``database`` and nowhere else."""
        destinations = list(self._for(record).values())
        return database is not None and [d.database for d in destinations] == [database]

    def _for(self, record: Record) -> Mapping[str, Destination]:
        if isinstance(record, Reading):
            return self._readings
        if record.upload is not None and record.upload.cloud == "http":
            return {}  # its caller was told, and nobody else has the photo
        return self._dead_letters
