"""docs/deploy-tencent.md, its commands one after the other, from an empty loopback account to removal.

Each line of the page is run by a shell that keeps its variables. What only the loopback needs (its
address, in place of the cloud's) is in the environment; the database is a real server.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import secrets
from tests.deploy.conftest import OUR_OWN, ROOT
from tests.deploy.tencent.cloud import TencentCloud
from tests.deploy.test_tencent import BUCKET, NAME, REGION, event, models, mounted
from tests.runtimes.conftest import SCF
from tests.runtimes.tools import Runtimes
from tests.stores.fixtures import Servers
from vindrop_local.bucket import Account, Bucket, BucketServer
from vindrop_local.tencent_bootstrap.account import deploy_policy
from vindrop_local.vinocr_process import VinOCRProcess

__all__ = ["models"]
pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900)]
PAGE = ROOT / "docs" / "deploy-tencent.md"
PREFIX, VARIABLES = "in/", ".variables"


def page_commands() -> list[str]:
    """The lines of the page's first block, without their remarks."""
    (block, *_) = re.findall(r"```sh\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return [re.sub(r"\s+#.*", "", line) for line in block.splitlines()]


class Shell:
    """Runs a line as a terminal would: what it exports is there for the next one."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder, self.environment, self.said = folder, environment, ""

    def __call__(self, line: str, *, more: dict[str, str] | None = None) -> str:
        variables = self.folder / VARIABLES
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", f"{line}\nenv -0 > {VARIABLES}"],
            cwd=self.folder,
            env={**self.environment, **(more or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=400,
        )
        self.said += done.stdout + done.stderr
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        kept = variables.read_bytes().split(b"\0")
        variables.unlink()
        self.environment = dict(one.decode().split("=", 1) for one in kept if b"=" in one)
        for name in more or {}:
            del self.environment[name]
        return done.stdout


@pytest.fixture
def coscmd() -> Path:
    """Folder with a `coscmd` and the package behind it, pinned."""
    pins = Path(__file__).with_name("coscmd.txt")
    folder = ROOT / "build" / "coscmd" / hashlib.sha256(pins.read_bytes()).hexdigest()[:12]
    if not (folder / "coscmd").is_dir():
        uv = Path(sys.executable).with_name("uv")
        words = ("pip", "install", "-q", "--require-hashes", "--target", folder, "-r", pins)
        subprocess.run([uv, *words], check=True, timeout=200)
    return folder


@pytest.fixture
def cloud(models: Path, servers: Servers) -> Iterator[TencentCloud]:
    found = TencentCloud(models, secrets.TENCENT_ID, secrets.TENCENT_KEY)
    found.mysql = servers["mariadb"]
    found.mysql.sql("DROP DATABASE IF EXISTS vindrop")
    found.mysql.sql("DROP USER IF EXISTS 'vindrop'@'%'")
    yield found
    found.close()


@pytest.fixture
def shell(clone: Path, cloud: TencentCloud, coscmd: Path, vinocr: VinOCRProcess) -> Shell:
    tools = clone.parent / "bin"
    tools.mkdir()
    (tools / "coscmd").write_text(
        f'#!/bin/sh\nPYTHONPATH={coscmd} exec {sys.executable} -m coscmd.cos_cmd "$@"\n'
    )
    (tools / "pip").write_text("#!/bin/sh\nexit 0\n")  # the fixture has installed it
    for tool in tools.iterdir():
        tool.chmod(0o755)
    return Shell(
        clone,
        {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "HOME": str(clone.parent),
            **{k: v for k, v in os.environ.items() if k not in {"PATH", "HOME"} and own(k)},
            "SLS_TELEMETRY_DISABLED": "1",
            "TENCENT_ENDPOINT_URL": cloud.url,
            "TENCENT_COS_PROXY": cloud.url,
            "VINDROP_VINOCR_ENDPOINT": vinocr.endpoint,
            "PREFIX": PREFIX,
        },
    )


def own(name: str) -> bool:
    return not name.startswith((*OUR_OWN, "VIRTUAL_ENV"))


def test_the_commands_of_the_page(
    shell: Shell,
    cloud: TencentCloud,
    runtimes: Runtimes,
    vinocr: VinOCRProcess,
    tmp_path: Path,
) -> None:
    photo = ROOT / "events" / "photos" / "label-01.jpg"
    with (photo.parent / "truth.csv").open() as lines:
        (vin,) = (row["vin"] for row in csv.DictReader(lines) if row["file"] == photo.name)
    ran: list[str] = []

    def keys(_: str) -> None:
        shell(
            f"export TENCENT_SECRET_ID={secrets.TENCENT_ID} TENCENT_SECRET_KEY={secrets.TENCENT_KEY}"
        )

    def dry(line: str) -> None:
        assert "nothing was changed" in shell(line)
        assert not cloud.buckets
        assert not (shell.folder / ".env").exists()

    def deploy(line: str) -> None:
        before = set(cloud.acted)
        assert f"{NAME} is deployed to {REGION}" in shell(line) + shell.said
        assert {uin for uin, _ in cloud.acted - before} == {100000000100}, "only the sub-account"
        upload = cloud.of("function")[f"{NAME}-upload"]
        assert upload["VpcConfig"] == {"VpcId": "vpc-1", "SubnetId": "subnet-1"}

    def configure(line: str) -> None:
        shell(f"{line} --do-not-use-ssl")

    def put(line: str) -> None:
        shell(line, more={"http_proxy": cloud.url})
        assert cloud.objects[BUCKET, "in/label-01.jpg"] == photo.read_bytes()
        deliver(cloud, runtimes, tmp_path, "in/label-01.jpg")

    def readings(line: str) -> None:
        assert vin in shell(line)

    def info(line: str) -> None:
        said = shell(line)
        assert f"{NAME}-upload: Active" in said
        assert "https://" in said
        assert f"log topic {NAME}: topic-1 in {REGION}" in said

    special: dict[str, Callable[[str], object]] = {
        "git clone": lambda _: None,
        "make setup": lambda _: None,
        "export TENCENT_SECRET_ID": keys,
        ".venv/bin/vindrop bootstrap tencent --region ap-guangzhou": dry,
        "npx osls deploy": deploy,
        "pip install coscmd": configure,
        "coscmd upload": put,
        ".venv/bin/vindrop readings": readings,
        "npx osls info": info,
    }
    for line in page_commands():
        found = next((s for s in special if line == s or line.startswith(f"{s} ")), None)
        if line.endswith("--yes"):
            found = None
        if found is None and line.startswith("export"):
            found = "export TENCENT_SECRET_ID"
        (special[found] if found else shell)(line)
        ran.append(found or line)
        assert cloud.refusals == [], line
    assert set(special) <= set(ran), "a line of the page is no longer run as it should be"
    assert {
        k: v for k, v in cloud.kept.items() if v and k in {"function", "trigger", "layer"}
    } == {}
    assert cloud.buckets == {BUCKET}, "the photos stay"
    used = {action for uin, action in cloud.acted if uin is not None}
    check_least_rights(used)
    assert secrets.find(shell.said.encode()) == []


def check_least_rights(used: set[str]) -> None:
    """The sub-account's policy has no action that its commands did not need."""
    granted = {
        action.removeprefix("name/")
        for statement in deploy_policy(REGION, BUCKET.rpartition("-")[2], BUCKET, NAME)["statement"]
        for action in statement["action"]
    }
    other_paths = {
        # with an alarm's notice group; a second deployment
        *("cls:CreateAlarm", "cls:ModifyAlarm", "cls:DeleteAlarm", "cls:ModifyTopic"),
        *("cam:UpdatePolicy", "scf:UpdateFunctionCode", "scf:UpdateFunctionConfiguration"),
        *("scf:UpdateTrigger", "scf:DeleteTrigger", "cam:PassRole"),
        # what the cloud itself asks on behalf of the caller
        *("vpc:DescribeVpcEx", "vpc:DescribeSubnetEx"),
    }
    unused = {action for action in granted - used - other_paths if not action.startswith("cos:")}
    assert unused == set()


def deliver(cloud: TencentCloud, runtimes: Runtimes, folder: Path, key: str) -> None:
    """As COS's trigger does: the deployed zips under SCF's own bootstrap, with the deployed settings."""
    user, opt = mounted(cloud, folder)
    objects = folder / "bucket"
    (objects / key).parent.mkdir(parents=True)
    (objects / key).write_bytes(cloud.objects[BUCKET, key])
    deployed = cloud.kept["function"][f"{NAME}-upload"]["Environment"]["Variables"]
    account = Account(secrets.TENCENT_ID, secrets.TENCENT_KEY, secrets.TENCENT_TOKEN)
    place = Bucket(BUCKET, REGION, objects)
    with BucketServer([place], [account], folder / "journal.db", None) as server:
        settings = {
            **{one["Key"]: one["Value"] for one in deployed},
            "VINDROP_STORAGE_ENDPOINT": server.url(BUCKET),
            "VINDROP_IMAGE": "bytes",
        }
        at_scf = SCF(dataclasses.replace(runtimes, site=opt), user, settings)
        try:
            answer = at_scf.call(event(key))
        finally:
            at_scf.close()
    assert '"reading": 1' in json.dumps(answer), f"{answer}\n{at_scf.log.read_text()[-3000:]}"
