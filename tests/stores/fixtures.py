"""The servers as fixtures of every test: each started when first asked for, once per test process.

No test file imports them: a session's fixture that is imported into a second file is a second one,
with servers of its own (`tests/test_fixtures.py`).
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import secrets
from vindrop.stores import sql


def _start(kind: str) -> Any:
    from tests.stores import servers
    from tests.stores.tencent_api import TencentAPI

    kinds: dict[str, Any] = {
        "postgresql": servers.PostgreSQLServer,
        "mariadb": servers.MariaDBServer,
        "redis": servers.RedisServer,
        "rabbitmq": servers.RabbitMQServer,
        "kafka": servers.KafkaServer,
        "aws": servers.MotoServer,
        "tencent": TencentAPI,
    }
    return kinds[kind]()


class Servers:
    """``servers["postgresql"]``: running, or the test is skipped with what to install."""

    def __init__(self) -> None:
        self._running: dict[str, Any] = {}

    def __getitem__(self, kind: str) -> Any:
        if kind not in self._running:
            self._running[kind] = _start(kind)
        return self._running[kind]

    def close(self) -> None:
        with contextlib.ExitStack() as stack:  # each is closed, whatever another's end says
            for server in self._running.values():
                stack.callback(server.close)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    found = Servers()
    yield found
    found.close()


def fresh_store(servers: Servers, kind: str, folder: Path) -> str:
    """Return the URL of an empty store of ``kind``."""
    name = f"t{uuid.uuid4().hex[:12]}"
    if kind == "memory":
        return kind
    if kind == "sqlite":
        return f"sqlite:///{folder}/{name}.db"
    if kind == "postgresql":
        servers["postgresql"].sql(f"CREATE DATABASE {name}")
        return str(servers["postgresql"].url(name))
    if kind == "mysql":
        servers["mariadb"].sql(f"CREATE DATABASE {name}")
        return str(servers["mariadb"].url(name))
    if kind == "dynamodb":
        return f"dynamodb://us-east-1/{name}?endpoint={servers['aws'].endpoint}"
    if kind == "redis":
        servers["redis"].client().flushall()
        return str(servers["redis"].url())
    raise ValueError(kind)


@pytest.fixture
def store_url(
    store_kind: str,
    servers: Servers,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """An empty store of ``store_kind``: a fixture that each test file has, with its kinds."""
    for name, value in secrets.AWS.items():
        monkeypatch.setenv(name, value)
    url = fresh_store(servers, store_kind, tmp_path)
    yield url
    sql.forget(url)
