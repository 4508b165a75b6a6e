"""Kafka and CKafka: ``kafka://user:password@host:9092,host:9092/topic?security=sasl_plaintext``.

    security        plaintext, ssl, sasl_plaintext, sasl_ssl; default: sasl_ssl with a user, else plaintext
    sasl_mechanism  PLAIN (CKafka), SCRAM-SHA-256, SCRAM-SHA-512; default PLAIN
    ssl_ca          file with the authorities to trust; ssl_cert and ssl_key for a client certificate
    mode            structured or binary

The producer is idempotent: what it sends again by itself is stored once. A put returns after
all in-sync replicas have the record. CKafka's user is ``instance#user``: write ``instance%23user``.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

from vindrop.core.store_errors import StoreError, StoreSettingError, load_client
from vindrop.core.store_url import StoreURL, parse
from vindrop.destinations import message
from vindrop.domain.records import Record

DELIVERY_SECONDS: Final = 10.0
"""After this the client gives up and says so."""
_SECURITY: Final = ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl")
_MECHANISMS: Final = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_OPTIONS: Final = (
    "security",
    "sasl_mechanism",
    "ssl_ca",
    "ssl_cert",
    "ssl_key",
    "mode",
    "timeout_seconds",
)


def producer_settings(where: StoreURL) -> dict[str, Any]:
    """Return librdkafka's settings for a URL.

    :raises StoreSettingError: options that do not fit together.
    """
    security = where.choice("security", _SECURITY, "sasl_ssl" if where.user else "plaintext")
    seconds = where.seconds("timeout_seconds", DELIVERY_SECONDS)
    found: dict[str, Any] = {
        "bootstrap.servers": where.hosts,
        "client.id": "vindrop",
        "security.protocol": security,
        "enable.idempotence": True,
        "acks": "all",
        "linger.ms": 0,  # one record at a time is waited for: nothing to gain by gathering
        "delivery.timeout.ms": round(seconds * 1000),
        "request.timeout.ms": round(min(seconds, 5.0) * 1000),
        "socket.timeout.ms": round(min(seconds, 5.0) * 1000),
        "socket.keepalive.enable": True,
        "log_level": 0,  # its own lines on stderr name brokers and users; errors are ours to tell
    }
    if security.startswith("sasl"):
        if not where.user or not where.password:
            raise StoreSettingError(f"{where.shown}: {security} needs user:password before the @")
        found |= {
            "sasl.mechanism": where.choice("sasl_mechanism", _MECHANISMS, "PLAIN"),
            "sasl.username": where.user,
            "sasl.password": where.password,
        }
    elif where.user:
        raise StoreSettingError(
            f"{where.shown}: a user asks for security=sasl_ssl or sasl_plaintext"
        )
    for option, name in (
        ("ssl_ca", "ssl.ca.location"),
        ("ssl_cert", "ssl.certificate.location"),
        ("ssl_key", "ssl.key.location"),
    ):
        if option in where.options:
            found[name] = where.options[option]
    return found


class KafkaDestination(message.MessageDestination):
    """See `vindrop.core.destination.Destination`."""

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:  # noqa: ARG002  # as every opener
        super().__init__()
        where = parse(url, _OPTIONS)
        self._topic = where.path
        if not where.hosts or not self._topic or "/" in self._topic:
            raise StoreSettingError(f"{where.shown} names no topic: kafka://host:9092/topic")
        self._mode = where.choice("mode", message.MODES, "structured")
        self._seconds = where.seconds("timeout_seconds", DELIVERY_SECONDS)
        self._kafka: Any = load_client("confluent_kafka", "kafka://…")
        self._lock = threading.Lock()
        self._said = ""
        self._settings = producer_settings(where) | {"error_cb": self._hear}
        self._producer: Any = None
        self._connected()  # what librdkafka does not accept is a wrong setting: said at the start

    def send(self, record: Record, *, redelivered: bool) -> None:
        """Produce it, and wait for the broker's report."""
        reports: list[Any] = []
        fields, body, content_type = message.encode(
            record, self._mode, "ce_", redelivered=redelivered
        )
        producer = self._connected()
        try:
            producer.produce(
                self._topic,
                value=body,
                key=message.ordering_key(record).encode(),
                headers=[("content-type", content_type.encode())]
                + [(name, value.encode()) for name, value in fields.items()],
                on_delivery=lambda error, _: reports.append(error),
            )
        except (BufferError, self._kafka.KafkaException) as error:
            raise StoreError(f"Kafka did not take the record: {_reason(error)}") from None
        deadline = time.monotonic() + self._seconds + 5.0
        while not reports and time.monotonic() < deadline:
            producer.poll(0.1)
        if not reports:
            self._forget(producer)
            raise StoreError(
                f"Kafka did not confirm the record in {self._seconds:g} s{self._hint()}"
            )
        if reports[0] is not None:
            said = reports[0]
            if said.fatal():
                self._forget(producer)  # an idempotent producer that lost its place: a new one
            raise StoreError(f"Kafka did not take the record: {said.str()}{self._hint()}")
        self._said = ""

    def _connected(self) -> Any:
        with self._lock:
            if self._producer is None:
                try:
                    self._producer = self._kafka.Producer(self._settings)
                except (self._kafka.KafkaException, ValueError) as error:
                    raise StoreSettingError(f"kafka://…: {_reason(error)}") from None
            return self._producer

    def _forget(self, producer: Any) -> None:
        with self._lock:
            if self._producer is producer:
                self._producer = None
        # What it still holds must not go out later, behind our back.
        with contextlib.suppress(self._kafka.KafkaException):
            producer.purge()

    def _hear(self, error: Any) -> None:
        self._said = str(error.str())

    def _hint(self) -> str:
        return f" ({self._said})" if self._said else ""


def _reason(error: BaseException) -> str:
    inner = error.args[0] if error.args else error
    return str(inner.str()) if hasattr(inner, "str") else str(inner)
