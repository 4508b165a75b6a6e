"""Metrics: calls received, answered by code, billed; readers, queue, seconds.

In Prometheus' text form at ``/metrics``; the local stack and the benches read it too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """One server's metrics, in a registry of its own (two servers in one test do not mix)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        at: dict[str, Any] = {"registry": self.registry}
        timed = at | {"buckets": (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 20.0)}
        self.received = Counter("vinocr_calls_received", "Requests on the API's path.", **at)
        about = "Answers by account and code; code is Success where a VIN was answered."
        self.answered = Counter("vinocr_calls_answered", about, ["account", "code"], **at)
        about = "Answers that are charged: successes and empty images."
        self.billed = Counter("vinocr_calls_billed", about, ["account"], **at)
        self.faults = Counter("vinocr_faults", "Faults that the operator's file caused.", **at)
        self.v1 = Counter("vinocr_v1_answers", "Answers of /v1/vin by status.", ["status"], **at)
        about = "Time from a request's last byte to its answer."
        self.seconds = Histogram("vinocr_call_seconds", about, **timed)
        about = "Time that a reader spent on an image."
        self.reading = Histogram("vinocr_reading_seconds", about, **timed)

    def gauge(self, name: str, about: str, value: Callable[[], float]) -> None:
        """Add a gauge whose value is computed when the metrics are read."""
        Gauge(name, about, registry=self.registry).set_function(value)

    def text(self) -> bytes:
        """Return everything in Prometheus' text form."""
        return generate_latest(self.registry)
