"""What both clouds' tests need: the tools from package-lock.json, and a VinOCR to call."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from layers.dependencies import interpreters, lock
from tests import needs, secrets
from tests.runtimes import tools
from tests.runtimes.tools import Runtimes
from vindrop_local.vinocr_process import VinOCRProcess

ROOT = Path(__file__).resolve().parents[2]

OUR_OWN = ("AWS_", "TENCENT", "VINDROP_", "BUCKET", "REGION", "PREFIX", "CLOUD", "SLS_", "ALARMS")


def osls(
    *words: str, environment: dict[str, str], cwd: Path = ROOT, seconds: int = 400
) -> subprocess.CompletedProcess[str]:
    """Run osls with nothing of this process's own settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OUR_OWN)}
    return subprocess.run(
        [ROOT / "node_modules" / ".bin" / "osls", *words],
        cwd=cwd,
        env={**inherited, "SLS_TELEMETRY_DISABLED": "1", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=seconds,
    )


@pytest.fixture(scope="session")
def node() -> Path:
    """node_modules, installed from package-lock.json where it is missing."""
    npm = needs.program("npm", package="npm")
    if not (ROOT / "node_modules" / ".bin" / "osls").exists():
        done = subprocess.run(
            [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
        if done.returncode:
            pytest.skip("npm ci failed: go online once") if not os.environ.get(
                "CI"
            ) else pytest.fail(done.stderr[-500:], pytrace=False)
    return ROOT / "node_modules"


@pytest.fixture
def clone(tmp_path: Path, node: Path) -> Iterator[Path]:
    """What `git clone`, `make setup` and `npm ci` leave, with this tree's files as they are."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout
    folder = tmp_path / "vindrop"
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for name in ("node_modules", ".venv"):
        (folder / name).symlink_to(ROOT / name)
    yield folder
    # read by the product, and no part of what it says: .env, coscmd's own settings, the pages
    shutil.rmtree(folder)
    (tmp_path / ".cos.conf").unlink(missing_ok=True)


@pytest.fixture(scope="session")
def runtimes() -> Runtimes:
    return tools.fetch()


@dataclass(frozen=True)
class LambdaRuntime:
    """A Python that Lambda still takes, and its runtime client for it."""

    version: str
    python: Path
    site: Path
    rie: Path


@pytest.fixture(scope="session")
def lambda_runtime(runtimes: Runtimes, tmp_path_factory: pytest.TempPathFactory) -> LambdaRuntime:
    found = ((v, interpreters.find(v)) for v in ("3.13", "3.12", "3.11"))
    version, python = next(((v, p) for v, p in found if p), ("", None))
    if python is None:
        python = Path(needs.program("python3.13", package="python3.13, or pyenv install 3.13"))
    site = tmp_path_factory.mktemp("awslambdaric")
    wanted = ("awslambdaric", "simplejson", "snapshot-restore-py")
    pins = tools.HERE / "site.txt"
    requirements = site.with_suffix(".txt")
    requirements.write_text("".join(p.text for p in lock.read(pins) if p.name in wanted))
    words = ["pip", "install", "-q", "--no-deps", "--require-hashes", "--target", str(site)]
    subprocess.run(
        [
            *(str(Path(sys.executable).with_name("uv")), *words, "--python", str(python)),
            *("--only-binary", ":all:", "-r", str(requirements)),
        ],
        check=True,
        timeout=300,
    )
    return LambdaRuntime(version, python, site, runtimes.rie)


@pytest.fixture(scope="session")
def vinocr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VinOCRProcess]:
    """It knows a function's role by the temporary keys that SCF gives it, and a sub-account."""
    folder = tmp_path_factory.mktemp("vinocr")
    role = {
        "secret_id": secrets.TENCENT_ID,
        "secret_key": secrets.TENCENT_KEY,
        "token": secrets.TENCENT_TOKEN,
    }
    own = {"secret_id": secrets.VINOCR_ID, "secret_key": secrets.VINOCR_KEY}
    accounts = folder / "accounts.json"
    accounts.write_text(json.dumps({"accounts": [{"keys": [role, own]}]}))
    with VinOCRProcess(
        folder / "vinocr.log",
        secret_id="",
        secret_key="",
        settings={"VINOCR_RATE": "100", "VINOCR_ACCOUNTS": str(accounts)},
    ) as process:
        yield process
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def sample() -> tuple[Path, str]:
    """A photo that VinOCR reads, and its VIN."""
    folder = ROOT / "events" / "photos"
    with (folder / "truth.csv").open() as lines:
        rows = [row for row in csv.DictReader(lines) if row["vin"] and row["file"].endswith(".jpg")]
    return folder / rows[0]["file"], rows[0]["vin"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "deploy: deploys to a cloud on this machine; minutes")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("DEPLOY_TESTS"):
        return
    for item in items:
        if item.get_closest_marker("deploy"):
            item.add_marker(pytest.mark.skip(reason="takes minutes: make test-deploy runs it"))
