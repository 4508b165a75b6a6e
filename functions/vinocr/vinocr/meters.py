"""What is counted: calls received, answered by code, billed; readers, queue, seconds.

In Prometheus' text form at ``/metrics``; the local stack and the benches read it too.
"""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0)


class Meters:
    """One server's counters, in a registry of its own (two servers in one test do not mix)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = Counter(
            "vinocr_calls_received", "Requests on the API's path.", registry=self.registry
        )
        self.answered = Counter(
            "vinocr_calls_answered",
            "Answers by account and code; code is Success where a VIN was answered.",
            ["account", "code"],
            registry=self.registry,
        )
        self.billed = Counter(
            "vinocr_calls_billed",
            "Answers that are charged: successes and empty images.",
            ["account"],
            registry=self.registry,
        )
        self.faults = Counter(
            "vinocr_faults", "Faults that the operator's file caused.", registry=self.registry
        )
        self.v1 = Counter(
            "vinocr_v1_answers", "Answers of /v1/vin by status.", ["status"], registry=self.registry
        )
        self.seconds = Histogram(
            "vinocr_call_seconds",
            "Time from a request's last byte to its answer.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.reading = Histogram(
            "vinocr_reading_seconds",
            "Time that a reader spent on an image.",
            buckets=_SECONDS,
            registry=self.registry,
        )

    def gauge(self, name: str, about: str, value: Callable[[], float]) -> None:
        """Show a number that is asked for when somebody looks."""
        Gauge(name, about, registry=self.registry).set_function(value)

    def text(self) -> bytes:
        """Return everything in Prometheus' text form."""
        return generate_latest(self.registry)
