"""A trace that begins before us goes on: from the trigger to VinOCR and into the record."""

from __future__ import annotations

from typing import Any

import pytest

from tests.triggers import payloads as p
from vindrop import tracing
from vindrop.triggers import read

XRAY = "Root=1-67891233-abcdef012345678912345678;Parent=53995c3f42cd8ad8;Sampled=1"
ID = "4bf92f3577b34da6a3ce929d0e0e4736"


def with_sqs_attribute() -> dict[str, Any]:
    payload = p.sqs(p.s3())
    payload["Records"][0]["messageAttributes"] = {
        "traceparent": {"stringValue": p.TRACE, "dataType": "String"}
    }
    return payload


def with_xray() -> dict[str, Any]:
    payload = p.sqs(p.s3())
    payload["Records"][0]["attributes"]["AWSTraceHeader"] = XRAY
    return payload


def with_sns_attribute() -> dict[str, Any]:
    payload = p.sns(p.s3())
    payload["Records"][0]["Sns"]["MessageAttributes"] = {
        "traceparent": {"Type": "String", "Value": p.TRACE}
    }
    return payload


@pytest.mark.parametrize(
    ("payload", "trace_id"),
    [
        (with_sqs_attribute(), ID),
        (with_sns_attribute(), ID),
        (with_xray(), "67891233abcdef012345678912345678"),
        (p.msk(p.s3()), ID),
        (p.cloudevent(p.cos(), traceparent=p.TRACE), ID),
        (p.cos(cos__cosObject__meta={"x-cos-meta-traceparent": p.TRACE}), ID),
        ({"bucket": "b", "key": "k", "region": "us-east-1", "traceparent": p.TRACE}, ID),
        (p.cos(), None),
        (p.sqs(p.s3()), None),
    ],
)
def test_taken_from_the_trigger(payload: Any, trace_id: str | None) -> None:
    (message,) = read(payload).messages
    assert (message.trace.split("-")[1] if message.trace else None) == trace_id


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "",
        "x",
        p.TRACE[:-1],
        "ff" + p.TRACE[2:],
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        "x" * 999,
    ],
)
def test_what_is_no_trace_context_is_none(value: Any) -> None:
    assert tracing.traceparent(value) is None


def test_inside_it_the_same_trace_has_a_span_of_our_own() -> None:
    assert tracing.current() is None
    with tracing.follow(p.TRACE):
        current = tracing.current()
        assert current is not None
        assert current != p.TRACE
        assert tracing.traceparent(current) == current
        assert tracing.current_id() == ID
    assert tracing.current() is None
