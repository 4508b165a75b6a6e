"""Metrics: calls received, answered by code, billed; readers, queue, seconds.

In Prometheus' text form at ``/metrics``; the local stack and the benches read it too.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0)


class Metrics:
    """One server's metrics, in a registry of its own (two servers in one test do not mix)."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.received = Counter(
            "vinocr_calls_received", "Requests on the API's path.", registry=registry
        )
        self.answered = Counter(
            "vinocr_calls_answered",
            "Answers by account and code; code is Success where a VIN was answered.",
            ["account", "code"],
            registry=registry,
        )
        self.billed = Counter(
            "vinocr_calls_billed",
            "Answers that are charged: successes and empty images.",
            ["account"],
            registry=registry,
        )
        self.faults = Counter(
            "vinocr_faults", "Faults that the operator's file caused.", registry=registry
        )
        self.v1 = Counter(
            "vinocr_v1_answers", "Answers of /v1/vin by status.", ["status"], registry=registry
        )
        about = "Time from a request's last byte to its answer."
        self.seconds = Histogram("vinocr_call_seconds", about, buckets=_SECONDS, registry=registry)
        about = "Time that a reader spent on an image."
        self.reading = Histogram(
            "vinocr_reading_seconds", about, buckets=_SECONDS, registry=registry
        )

    def gauge(self, name: str, about: str, value: Callable[[], float]) -> None:
        """Add a gauge whose value is computed when the metrics are read."""
        Gauge(name, about, registry=self.registry).set_function(value)

    def text(self) -> bytes:
        """Return everything in Prometheus' text form."""
        return generate_latest(self.registry)
