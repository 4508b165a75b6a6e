"""docs/deploy-tencent.md, its commands one after the other, from an empty loopback account to removal.

Each line of the page is run by a shell that keeps its variables. What only the loopback needs (its
address, in place of the cloud's) is in the environment; the database is a real server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import secrets
from tests.deploy.installed import PHOTOS, vins
from tests.deploy.page import Shell, commands
from tests.deploy.tencent.cloud import TencentCloud
from tests.deploy.tencent.deployed import BUCKET, NAME, REGION, standing, tencent_shell
from tests.runtimes.tools import Runtimes
from tests.stores.fixtures import Servers
from vindrop_local.tencent_bootstrap.account import deploy_policy
from vindrop_local.vinocr_process import VinOCRProcess

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900)]


@pytest.fixture
def cloud(models: Path, servers: Servers) -> Iterator[TencentCloud]:
    found = TencentCloud(models, secrets.TENCENT_ID, secrets.TENCENT_KEY)
    found.mysql = servers["mariadb"]
    found.mysql.sql("DROP DATABASE IF EXISTS vindrop")
    found.mysql.sql("DROP USER IF EXISTS 'vindrop'@'%'")
    yield found
    found.close()


@pytest.fixture
def shell(clone: Path, cloud: TencentCloud, vinocr: VinOCRProcess) -> Shell:
    return tencent_shell(clone, cloud, vinocr.endpoint)


def test_the_commands_of_the_page(
    shell: Shell,
    cloud: TencentCloud,
    runtimes: Runtimes,
    vinocr: VinOCRProcess,
    tmp_path: Path,
) -> None:
    photo, vin = PHOTOS / "label-01.jpg", vins()["label-01.jpg"]
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
        with standing(cloud, runtimes, tmp_path / "run") as deployed:
            assert '"reading": 1' in deployed.put("in/label-01.jpg")

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
    for line in commands("deploy-tencent.md"):
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
