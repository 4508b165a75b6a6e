"""A second deployment and the way back, on both loopback clouds, with an upload under way between.

The second one has other code, another setting, and a fault that only shows when it runs: VinOCR's
address is wrong. What arrives meanwhile waits in the ledger; after the roll-back it is read once.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import secrets
from tests.deploy.aws_cloud import BUCKET as AWS_BUCKET
from tests.deploy.aws_cloud import NAME, Cloud, compiled, log_of, row, until, wire
from tests.deploy.installed import LambdaRuntime, osls
from tests.deploy.tencent.cloud import TencentCloud
from tests.deploy.tencent.deployed import Deployed, event, standing
from tests.deploy.test_tencent import environment as tencent_environment
from tests.runtimes.tools import Runtimes
from tests.stores.fixtures import Servers, fresh_store
from vindrop.domain.records import Reading, from_json
from vindrop.stores import sql
from vindrop_local.commands import sources
from vindrop_local.serving import free_port
from vindrop_local.vinocr_process import VinOCRProcess

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(900)]
OTHER = {"VINDROP_RATE": "5"}
"""The second deployment's setting; its memory is another one, too."""
MEMORY = ("--param", "memory=1024")


def edit(clone: Path) -> None:
    """Another version of the code."""
    handler = clone / "functions" / "upload" / "handler.py"
    handler.write_text(f"{handler.read_text()}\n# the second version\n")


def check_out(clone: Path) -> None:
    """As `git checkout <tag>` does."""
    handler = clone / "functions" / "upload" / "handler.py"
    handler.write_text(handler.read_text().removesuffix("\n# the second version\n"))


def deploy(clone: Path, environment: dict[str, str], *words: str, fails: str = "") -> None:
    done = osls("deploy", *words, environment=environment, cwd=clone)
    said = done.stdout + done.stderr
    assert (done.returncode != 0) == bool(fails), said
    assert fails in said


# ── Tencent ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def tencent(
    models: Path,
    clone: Path,
    vinocr: VinOCRProcess,
    servers: Servers,
    runtimes: Runtimes,
    tmp_path: Path,
    sample: tuple[Path, str],
) -> Iterator[tuple[Deployed, dict[str, str]]]:
    cloud = TencentCloud(models, secrets.TENCENT_ID, secrets.TENCENT_KEY)
    store = fresh_store(servers, "mysql", tmp_path)
    urls = dict.fromkeys(("VINDROP_RESULTS", "VINDROP_DEAD_LETTERS", "VINDROP_LEDGER"), store)
    objects = tmp_path / "bucket" / "in"
    objects.mkdir(parents=True)
    for name in ("first.jpg", "between.jpg"):
        shutil.copy(sample[0], objects / name)
    with standing(cloud, runtimes, tmp_path, {"VINDROP_RETRY_SECONDS": "1"}) as deployed:
        yield deployed, {**tencent_environment(cloud, vinocr), **urls}
    sql.forget(store)
    cloud.close()


def picture(cloud: TencentCloud) -> str:
    """What is deployed: functions with code, layers and settings, triggers, roles, rules."""
    kinds = ("function", "trigger", "role", "policy", "topic", "alarm", "attached role policy")
    known = [cloud.of(kind) for kind in kinds]
    return json.dumps([*known, sorted(map(str, cloud.rules.items()))], sort_keys=True)


def readings(url: str) -> dict[str, int]:
    """Key → calls billed, of every reading; a key that is there twice fails."""
    found = [
        one
        for one in sources.records(sources.destinations(url, "VINDROP_RESULTS"), "readings") or ()
        if isinstance(one, Reading)
    ]
    keys = [one.upload.key for one in found]
    assert len(keys) == len(set(keys)), keys
    return {one.upload.key: one.vinocr.billed for one in found}


def test_back_to_the_earlier_version_on_tencent(
    tencent: tuple[Deployed, dict[str, str]], clone: Path, vinocr: VinOCRProcess
) -> None:
    at, environment = tencent
    cloud, store = at.cloud, environment["VINDROP_LEDGER"]
    deploy(clone, environment)
    assert '"reading": 1' in at.call("upload", event("in/first.jpg"))
    before, code = picture(cloud), cloud.of("function")[f"{NAME}-upload"]["Code"]

    edit(clone)
    nobody = {"VINDROP_VINOCR_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    deploy(clone, {**environment, **OTHER, **nobody}, *MEMORY)
    upload = cloud.of("function")[f"{NAME}-upload"]
    settings = {one["Key"]: one["Value"] for one in upload["Environment"]["Variables"]}
    assert (settings["VINDROP_RATE"], upload["MemorySize"]) == ("5", 1024)
    assert upload["Code"] != code
    assert cloud.of("trigger") == json.loads(before)[1], "triggers are not made anew"
    assert readings(store) == {"in/first.jpg": 1}
    assert '"reading": 1' not in at.call("upload", event("in/between.jpg"))
    assert readings(store) == {"in/first.jpg": 1}, "it waits in the ledger"

    check_out(clone)
    deploy(clone, environment)
    assert picture(cloud) == before, "the earlier version, byte for byte"
    until(lambda: '"reading": 1' in at.call("sweep", {}), "the sweep to read it")
    paid = vinocr.calls().billed
    at.call("upload", event("in/between.jpg"))
    assert vinocr.calls().billed == paid, "the event comes again"
    assert readings(store) == {"in/first.jpg": 1, "in/between.jpg": 1}
    assert cloud.refusals == []


def test_a_deployment_that_fails_half_way_is_gone_back_from_on_tencent(
    tencent: tuple[Deployed, dict[str, str]], clone: Path
) -> None:
    at, environment = tencent
    cloud = at.cloud
    deploy(clone, environment)
    before = picture(cloud)
    edit(clone)
    # after the first function's code and settings are new already
    cloud.denied.add("scf:PutReservedConcurrencyConfig")
    changed = {**environment, **OTHER}
    deploy(clone, changed, *MEMORY, fails="scf:PutReservedConcurrencyConfig")
    sizes = {name: one["MemorySize"] for name, one in cloud.of("function").items()}
    assert sizes[f"{NAME}-upload"] == 1024
    assert sizes[f"{NAME}-sweep"] == 512, "half is new, half is old: what the test is about"
    assert '"reading": 1' in at.call("upload", event("in/first.jpg"))
    cloud.denied.clear()
    check_out(clone)
    deploy(clone, environment)
    assert picture(cloud) == before
    assert '"reading": 1' in at.call("upload", event("in/between.jpg"))
    assert readings(environment["VINDROP_LEDGER"]) == {"in/first.jpg": 1, "in/between.jpg": 1}


# ── AWS ───────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def aws(tmp_path: Path, lambda_runtime: LambdaRuntime, vinocr: VinOCRProcess) -> Iterator[Cloud]:
    work = tmp_path / "aws"
    work.mkdir()
    found = Cloud(work, lambda_runtime)
    found.environment["VINDROP_VINOCR_ENDPOINT"] = vinocr.endpoint
    yield found
    found.close()


def settle(cloud: Cloud, clone: Path) -> None:
    """What moto's CloudFormation leaves out of the stack as it is now."""
    wire(cloud, compiled(clone))


def function(cloud: Cloud, part: str = "upload") -> dict[str, Any]:
    found = cloud.client("lambda").get_function(FunctionName=f"{NAME}-{part}")["Configuration"]
    return {
        "code": found["CodeSha256"],
        "memory": found["MemorySize"],
        "settings": found["Environment"]["Variables"],
    }


def items(cloud: Cloud, table: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cloud.client("dynamodb").scan(TableName=f"{NAME}_{table}")[
        "Items"
    ]
    return found


def test_back_to_the_earlier_version_on_aws(
    aws: Cloud, clone: Path, node: Path, sample: tuple[Path, str]
) -> None:
    photo = sample[0].read_bytes()
    s3 = aws.client("s3")
    deploy(clone, aws.environment)
    settle(aws, clone)
    s3.put_object(Bucket=AWS_BUCKET, Key="in/first.jpg", Body=photo)
    until(row(aws, "readings", "in/first.jpg"), "a row", then=lambda: log_of(aws))
    before = {part: function(aws, part) for part in ("upload", "http", "step", "sweep")}
    told = s3.get_bucket_notification_configuration(Bucket=AWS_BUCKET)[
        "LambdaFunctionConfigurations"
    ]

    edit(clone)
    nobody = {"VINDROP_VINOCR_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    deploy(clone, {**aws.environment, **OTHER, **nobody}, *MEMORY)
    settle(aws, clone)
    now = function(aws)
    assert (now["settings"]["VINDROP_RATE"], now["memory"]) == ("5", 1024)
    assert now["code"] != before["upload"]["code"]
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=AWS_BUCKET)["Contents"]] == [
        "in/first.jpg"
    ]
    again = s3.get_bucket_notification_configuration(Bucket=AWS_BUCKET)[
        "LambdaFunctionConfigurations"
    ]
    assert [one["LambdaFunctionArn"] for one in again] == [one["LambdaFunctionArn"] for one in told]
    assert len(items(aws, "readings")) == 1
    s3.put_object(Bucket=AWS_BUCKET, Key="in/between.jpg", Body=photo)
    until(lambda: "in/between.jpg" in json.dumps(items(aws, "uploads")), "it to wait in the ledger")
    assert len(items(aws, "readings")) == 1

    first = min(timestamps(clone, aws.environment))
    done = osls("rollback", "--timestamp", first, environment=aws.environment, cwd=clone)
    assert done.returncode == 0, done.stdout + done.stderr
    settle(aws, clone)
    assert {part: function(aws, part) for part in before} == before
    until(
        lambda: sweep(aws) and row(aws, "readings", "in/between.jpg")(),
        "the sweep to read it",
        seconds=120,
        then=lambda: log_of(aws, "sweep"),
    )
    sweep(aws)
    found = items(aws, "readings")
    records = [record_of(one) for one in found]
    assert sorted(one.upload.key for one in records) == ["in/between.jpg", "in/first.jpg"]
    assert [one.vinocr.billed for one in records] == [1, 1]


def record_of(item: dict[str, Any]) -> Reading:
    """The record of a row: the whole event is one of its attributes."""
    (event,) = (one["S"] for one in item.values() if one.get("S", "").startswith("{"))
    found = from_json(event)
    assert isinstance(found, Reading)
    return found


def sweep(cloud: Cloud) -> Any:
    return cloud.client("lambda").invoke(FunctionName=f"{NAME}-sweep", Payload=b"{}")


def timestamps(clone: Path, environment: dict[str, str]) -> list[str]:
    done: subprocess.CompletedProcess[str] = osls(
        "deploy", "list", environment=environment, cwd=clone
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [
        line.rpartition(" ")[2]
        for line in (done.stdout + done.stderr).splitlines()
        if "Timestamp" in line
    ]
