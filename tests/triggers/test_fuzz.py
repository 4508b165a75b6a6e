"""Whatever comes in ends in uploads, an ignore with a reason, or a clear error: never otherwise.

VINDROP_FUZZ sets the number of payloads; the suite takes 2,000, bench/fuzz_triggers.py 50,000.
"""

from __future__ import annotations

import copy
import json
import os
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.triggers import payloads as p
from vindrop.domain.arrivals import Ignored, Malformed
from vindrop.domain.upload import Upload
from vindrop.triggers import UnknownEventError, read

EXAMPLES = int(os.environ.get("VINDROP_FUZZ", "2000"))

SEEDS: list[Any] = [
    p.cos(),
    p.s3(),
    p.sqs(p.s3(), p.notification(p.s3())),
    p.sns(p.s3()),
    p.ckafka(p.cos(), "x"),
    p.msk(p.s3()),
    p.cmq(p.cos()),
    p.oss(),
    p.sqs(p.oss()),
    p.eventbridge_aws(),
    [p.eventbridge_aws()],
    p.cloudevent(p.cos()["Records"][0]),
    {"EventList": [p.cloudevent(p.cos())]},
    p.timer(p.cos()),
    p.scf_failure(p.cos()),
    p.lambda_failure(p.sqs(p.s3())),
    {"bucket": "b", "key": "k", "region": "us-east-1", "version": "1", "size": 3, "cloud": "aws"},
    {"Records": [*p.cos()["Records"], *p.s3()["Records"], *p.sqs(p.s3())["Records"]]},
    {"ObjectInfo": {"BucketId": "b-1250000000", "Region": "ap-guangzhou", "Object": "a.jpg"}},
    {"Event": "s3:TestEvent", "Bucket": "photos"},
]

# Halves of surrogate pairs too: JSON can carry them, files and databases cannot.
texts = st.text(st.characters(codec=None), max_size=20) | st.sampled_from(
    [
        "",
        "/",
        "%",
        "%E4%B8",
        "a+b",
        "\ud83d",
        "\0",
        "null",
        "{}",
        "[",
        "-1",
        "9" * 400,
        "http://[",
        "x" * 2000,
    ]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([2**63, -(2**63), 10**400, 1e308])
    | st.floats()
    | texts
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["Records", "cos", "s3", "events", "oss", "body", "key", "detail"])
            | texts,
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else []
    )
    for name, inner in items:
        found += places(inner, (*path, name))
    return found


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A real payload with a few fields replaced, deleted, or wrapped in text."""
    payload = copy.deepcopy(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(places(payload)))
        if not path:
            continue
        target = payload
        for step in path[:-1]:
            target = target[step]
        how = draw(st.sampled_from(["replace", "delete", "text", "swap"]))
        if how == "delete":
            del target[path[-1]]
        elif how == "text":
            target[path[-1]] = json.dumps(target[path[-1]], default=str)
        elif how == "swap":
            target[path[-1]] = copy.deepcopy(draw(st.sampled_from(SEEDS)))
        else:
            target[path[-1]] = draw(values)
    return payload


def assert_sentence(text: str) -> None:
    assert text.encode()  # can be written anywhere


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(mutated() | values)
def test_never_another_exception(payload: Any) -> None:
    try:
        delivery = read(payload)
    except UnknownEventError as error:
        assert_sentence(str(error))
        return
    for message in delivery.messages:
        arrival = message.arrival
        if isinstance(arrival, Upload):
            # What goes into a database and a URL must be text that can be written.
            f"{arrival.bucket}{arrival.region}{arrival.key}{arrival.version}".encode()
            assert len(arrival.id) == 64
            arrival.to_json()
        else:
            assert isinstance(arrival, (Ignored, Malformed))
            assert_sentence(arrival.why)
