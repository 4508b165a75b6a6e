"""What both clouds' tests need, as fixtures of `tests.deploy.installed`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy import installed
from tests.deploy.installed import LambdaRuntime
from tests.runtimes import tools
from tests.runtimes.tools import Runtimes
from vindrop_local.vinocr_process import VinOCRProcess


@pytest.fixture(scope="session")
def node() -> Path:
    return installed.node_modules()


@pytest.fixture
def clone(tmp_path: Path, node: Path) -> Iterator[Path]:
    """See `installed.cloned`."""
    assert node
    with installed.cloned(tmp_path) as folder:
        yield folder


@pytest.fixture(scope="session")
def runtimes() -> Runtimes:
    return tools.fetch()


@pytest.fixture(scope="session")
def lambda_runtime(tmp_path_factory: pytest.TempPathFactory) -> LambdaRuntime:
    return installed.lambda_runtime(tmp_path_factory.mktemp("awslambdaric"))


@pytest.fixture(scope="session")
def models() -> Path:
    return installed.tencent_models()


@pytest.fixture(scope="session")
def vinocr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VinOCRProcess]:
    folder = tmp_path_factory.mktemp("vinocr")
    with installed.vinocr_of_accounts(folder) as process:
        yield process
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sample() -> tuple[Path, str]:
    """A photo that VinOCR reads, and its VIN."""
    name, vin = next((n, vin) for n, vin in installed.vins().items() if n.endswith(".jpg"))
    return installed.PHOTOS / name, vin


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "deploy: deploys to a cloud on this machine; minutes")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("DEPLOY_TESTS"):
        return
    for item in items:
        if item.get_closest_marker("deploy"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: make test-deploy runs it"))
