"""The servers of a `World`, and a world: fixtures of every test, one set of servers a process.

What they need is imported where it is used: `make test-pythons` has neither VinOCR nor the bucket.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import secrets
from vindrop.stores import sql

if TYPE_CHECKING:
    from tests.pipeline.conftest import World


@pytest.fixture(scope="session")
def remembered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what has been read in this session (`tests/remembering.py`)."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if os.environ.get("PYTEST_XDIST_WORKER") else own
    folder = shared / "remembered"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def _servers(
    tmp_path_factory: pytest.TempPathFactory, remembered: Path
) -> Iterator[tuple[Any, ...]]:
    from tests.pipeline.conftest import BUCKET, FaultFile
    from vindrop_local.bucket import Account, Bucket, BucketServer
    from vindrop_local.vinocr_process import VinOCRProcess

    folder = tmp_path_factory.mktemp("servers")
    objects = folder / "bucket"
    objects.mkdir()
    faults = FaultFile(folder / "faults.json")
    account = Account(secrets.TENCENT_ID, secrets.TENCENT_KEY, secrets.TENCENT_TOKEN)
    with BucketServer(
        [Bucket(BUCKET, "ap-guangzhou", objects)], [account], folder / "journal.db", None
    ) as bucket:
        port = bucket.ports[BUCKET]
        with VinOCRProcess(
            folder / "vinocr.log",
            secret_id=secrets.VINOCR_ID,
            secret_key=secrets.VINOCR_KEY,
            settings={
                "VINOCR_URL_ALLOW": f"127.0.0.1:{port}",
                "VINOCR_RATE": "1000",
                "VINOCR_FAULTS": str(folder / "faults.json"),
                "TESTS_REMEMBERED": str(remembered),
            },
            module="tests.remembering",
        ) as vinocr:
            yield objects, bucket.url(BUCKET), vinocr, faults


@pytest.fixture
def world(_servers: tuple[Any, ...], tmp_path: Path) -> Iterator[World]:
    from tests.pipeline.conftest import World

    objects, endpoint, vinocr, faults = _servers
    faults.set()
    yield World(tmp_path, objects, endpoint, vinocr, faults)
    faults.set()
    sql.forget(f"sqlite:///{tmp_path}/vindrop.db")
