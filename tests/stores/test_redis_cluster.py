"""A Redis Cluster of two real nodes, whichever of them the URL names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.library.conftest import a_reading, an_upload
from tests.stores.servers import RedisClusterServer, make_cluster
from vindrop.core.rate_limiter import Permit
from vindrop.destinations import open_destination
from vindrop.stores.rate_limiter.gcra import Rule
from vindrop.stores.rate_limiter.redis import RedisRateLimiter

NAMES = [f"n{number}" for number in range(6)]
"""As keys they fall on both nodes."""


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[RedisClusterServer]]:
    with ExitStack() as stack:
        found = []
        for _ in range(2):
            found.append(RedisClusterServer())
            stack.callback(found[-1].close)
        make_cluster(*found)
        yield found


@pytest.mark.parametrize("number", [0, 1])
def test_streams_on_every_node(nodes: list[RedisClusterServer], number: int) -> None:
    for name in NAMES:
        destination = open_destination(f"{nodes[number].url()}?stream={name}-{number}")
        reading = a_reading(an_upload(f"{name}.jpg"))
        for _ in range(2):
            destination.put(reading)
    holders = set()
    for name in NAMES:
        for node in nodes:
            for key in node.client().keys(f"{name}-{number}"):
                (entry,) = node.client().xrange(key)  # once, though it was put twice
                assert json.loads(entry[1][b"event"])["data"]["upload"]["key"] == f"{name}.jpg"
                holders.add(node.port)
    assert len(holders) == 2


@pytest.mark.parametrize("number", [0, 1])
def test_rate_limiters_on_every_node(nodes: list[RedisClusterServer], number: int) -> None:
    for name in NAMES:
        limiter = RedisRateLimiter(nodes[number].url(), f"{name}{number}", Rule.of(0.01))
        permits = [limiter.reserve(1000) for _ in range(3)]
        waits = [permit.wait for permit in permits if isinstance(permit, Permit)]
        assert [round(wait / 100) for wait in waits] == [0, 1, 2]
        limiter.refused(0.005)
