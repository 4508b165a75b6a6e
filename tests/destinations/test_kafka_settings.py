"""How Kafka's URL reads: the mock brokers speak neither SASL nor TLS, so this much is tested here."""

from __future__ import annotations

from typing import Any

import pytest

from vindrop.core.store_errors import StoreSettingError
from vindrop.core.store_url import parse
from vindrop.destinations.kafka import producer_settings

OPTIONS = ("security", "sasl_mechanism", "ssl_ca", "ssl_cert", "ssl_key", "mode", "timeout_seconds")


def settings(url: str) -> dict[str, Any]:
    return producer_settings(parse(url, OPTIONS))


def test_ckafka_inside_its_network() -> None:
    found = settings(
        "kafka://ckafka-abc%23user:p%40ss@10.0.0.1:50000,10.0.0.2:50000/t?security=sasl_plaintext"
    )
    assert found["bootstrap.servers"] == "10.0.0.1:50000,10.0.0.2:50000"
    assert found["security.protocol"] == "sasl_plaintext"
    assert found["sasl.mechanism"] == "PLAIN"
    assert found["sasl.username"] == "ckafka-abc#user"
    assert found["sasl.password"] == "p@ss"


def test_a_user_is_never_sent_in_the_clear_unless_told() -> None:
    found = settings("kafka://u:p@h:9092/t?sasl_mechanism=SCRAM-SHA-512&ssl_ca=/ca.pem")
    assert found["security.protocol"] == "sasl_ssl"
    assert found["sasl.mechanism"] == "SCRAM-SHA-512"
    assert found["ssl.ca.location"] == "/ca.pem"


def test_every_record_is_confirmed_by_all_and_written_once() -> None:
    found = settings("kafka://h:9092/t?timeout_seconds=3")
    assert found["security.protocol"] == "plaintext"
    assert found["enable.idempotence"] is True
    assert found["acks"] == "all"
    assert found["delivery.timeout.ms"] == 3000
    assert "sasl.password" not in found


@pytest.mark.parametrize(
    "url",
    [
        "kafka://u@h:9092/t",
        "kafka://u:p@h:9092/t?security=ssl",
        "kafka://h:9092/t?timeout_seconds=soon",
        "kafka://u:p@h:9092/t?sasl_mechanism=GSSAPI",
    ],
)
def test_options_that_do_not_fit_together(url: str) -> None:
    with pytest.raises(StoreSettingError):
        settings(url)


def test_a_password_shows_nowhere() -> None:
    assert "PLANTED" not in repr(parse("kafka://u:PLANTED@h:9092/t"))
