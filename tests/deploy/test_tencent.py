"""The Tencent deployment against a loopback cloud; what was uploaded is then run as SCF runs it."""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import secrets
from tests.console import filled
from tests.deploy.installed import osls
from tests.deploy.person import Person
from tests.deploy.tencent.cloud import TencentCloud
from tests.deploy.tencent.deployed import BUCKET, NAME, REGION, answered, event, mounted
from tests.deploy.tencent.state import APPID
from tests.runtimes.conftest import SCF
from tests.runtimes.tools import Runtimes
from tests.stores.servers import PostgreSQLServer
from vindrop.stores import open_console, open_ledger
from vindrop_local.bucket import Account, Bucket, BucketServer
from vindrop_local.vinocr_process import VinOCRProcess

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(600)]
GOLDEN = Path(__file__).with_name("tencent_calls.json")
PASSWORD = "planted-password"
REVIEWER = f"{secrets.API_KEY}-reviewer"


@pytest.fixture(scope="module")
def cloud(models: Path, node: Path, vinocr: VinOCRProcess) -> Iterator[TencentCloud]:
    """Deployed once."""
    found = TencentCloud(models, secrets.TENCENT_ID, secrets.TENCENT_KEY)
    done = osls("deploy", environment=environment(found, vinocr))
    assert found.refusals == []
    assert done.returncode == 0, done.stdout + done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    yield found
    found.close()


def environment(cloud: TencentCloud, vinocr: VinOCRProcess) -> dict[str, str]:
    return {
        "CLOUD": "tencent",
        "BUCKET": BUCKET,
        "PREFIX": "in/",
        "ALARMS": "notice-1",
        "TENCENT_SECRET_ID": secrets.TENCENT_ID,
        "TENCENT_SECRET_KEY": secrets.TENCENT_KEY,
        "TENCENT_ENDPOINT_URL": cloud.url,
        "TENCENT_COS_PROXY": cloud.url,
        "VINDROP_RESULTS": f"mysql://vindrop:{PASSWORD}@db.internal:3306/vindrop",
        "VINDROP_DEAD_LETTERS": f"mysql://vindrop:{PASSWORD}@db.internal:3306/vindrop "
        "cmq-topic://ap-guangzhou/dead-letters",
        "VINDROP_LEDGER": f"mysql://vindrop:{PASSWORD}@db.internal:3306/vindrop",
        "VINDROP_VINOCR_ENDPOINT": vinocr.endpoint,
        "VINDROP_API_KEYS": f"{secrets.API_KEY} lee:review:{REVIEWER}",
    }


def as_golden(cloud: TencentCloud) -> list[Any]:
    """The calls without what differs from run to run: hashes, ports, polling."""
    text = json.dumps(cloud.calls)
    text = re.sub(r"[0-9a-f]{64}", "<sha256>", text)
    text = re.sub(r"-[0-9a-f]{16}\.zip", "-<sha256>.zip", text)
    text = re.sub(r"127\.0\.0\.1:\d+", "<host>", text)
    made = [list(call) for call in json.loads(text)]
    # The toolkit asks on and on whether a layer is ready: how often depends on the machine.
    return [call for before, call in zip([None, *made], made, strict=False) if call != before]


def test_the_calls_are_those_of_the_golden_list(cloud: TencentCloud) -> None:
    made = as_golden(cloud)
    if os.environ.get("WRITE_GOLDEN"):
        GOLDEN.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n")
    assert made == json.loads(GOLDEN.read_text())


def test_a_second_deployment_changes_nothing_but_times(
    cloud: TencentCloud, vinocr: VinOCRProcess
) -> None:
    before = {kind: sorted(found) for kind, found in cloud.kept.items()}
    objects = dict(cloud.objects)
    done = osls("deploy", environment=environment(cloud, vinocr))
    assert cloud.refusals == []
    assert done.returncode == 0, done.stdout + done.stderr
    assert {kind: sorted(found) for kind, found in cloud.kept.items()} == before
    assert cloud.objects == objects, "the same input gave other bytes"


def test_every_role_names_what_it_may_do(cloud: TencentCloud) -> None:
    policies = cloud.kept["policy"]
    assert set(policies) == {f"{NAME}-{part}" for part in ("upload", "http", "step", "sweep")}
    for name, policy in policies.items():
        for statement in json.loads(policy["PolicyDocument"])["statement"]:
            assert not any("*" in action for action in statement["action"]), (name, statement)
            if statement["action"] == ["ocr:VinOCR"]:
                assert statement["resource"] == ["*"]  # authorized by action alone
                continue
            for resource in statement["resource"]:
                below = re.fullmatch(
                    rf"qcs::cos:{REGION}:uid/{APPID}:{BUCKET}/(in|http-uploads)/\*", resource
                )
                assert below or "*" not in resource, (name, resource)


def test_the_functions_are_what_was_asked_for(cloud: TencentCloud) -> None:
    upload = cloud.kept["function"][f"{NAME}-upload"]
    assert upload["Runtime"] == "Python3.10"
    assert upload["Handler"] == "handler.main_handler"
    assert [layer["LayerName"] for layer in upload["Layers"]] == [
        f"{NAME}-{part}" for part in ("dependencies", "vindrop", "photo", "mysql")
    ]
    triggers = {one["info"]["Type"]: one["info"] for one in cloud.kept["trigger"].values()}
    assert all(info["Enable"] == 1 for info in triggers.values())
    assert json.loads(triggers["cos"]["TriggerDesc"])["filter"] == {"Prefix": "in/", "Suffix": ""}
    reserved = [
        given for _, action, given in cloud.calls if action == "PutReservedConcurrencyConfig"
    ]
    assert reserved[0]["ReservedConcurrencyMem"] == 10 * upload["MemorySize"]


def test_what_was_uploaded_reads_a_photo_under_scfs_bootstrap(
    cloud: TencentCloud,
    runtimes: Runtimes,
    tmp_path: Path,
    sample: tuple[Path, str],
    vinocr: VinOCRProcess,
) -> None:
    photo, vin = sample
    user, opt = mounted(cloud, tmp_path)
    objects = tmp_path / "bucket"
    objects.mkdir()
    (objects / "in").mkdir()
    (objects / "in" / "car.jpg").write_bytes(photo.read_bytes())
    store = f"sqlite:///{tmp_path}/vindrop.db"  # in place of the database that is not here
    deployed = cloud.kept["function"][f"{NAME}-upload"]["Environment"]["Variables"]
    account = Account(secrets.TENCENT_ID, secrets.TENCENT_KEY, secrets.TENCENT_TOKEN)
    with BucketServer(
        [Bucket(BUCKET, REGION, objects)], [account], tmp_path / "journal.db", None
    ) as bucket:
        own = {
            **{one["Key"]: one["Value"] for one in deployed},
            "VINDROP_RESULTS": store,
            "VINDROP_DEAD_LETTERS": store,
            "VINDROP_LEDGER": store,
            "VINDROP_STORAGE_ENDPOINT": bucket.url(BUCKET),
            "VINDROP_IMAGE": "bytes",
        }
        scf = SCF(dataclasses.replace(runtimes, site=opt), user, own)
        try:
            answer = scf.call(event("in/car.jpg"))
        finally:
            scf.close()
    assert answer is not None
    assert '"reading": 1' in json.dumps(answer), f"{answer}\n{scf.log.read_text()[-3000:]}"
    assert vin.encode() in (tmp_path / "vindrop.db").read_bytes() + wal(tmp_path)
    assert PASSWORD not in scf.log.read_text()


def test_a_person_reviews_a_reading_through_the_function_url(
    cloud: TencentCloud,
    runtimes: Runtimes,
    tmp_path: Path,
    vinocr: VinOCRProcess,
) -> None:
    """The console as it was deployed, with its layer, before PostgreSQL."""
    layers = [x["LayerName"] for x in cloud.kept["function"][f"{NAME}-http"]["Layers"]]
    assert layers[-1] == f"{NAME}-console"
    database = PostgreSQLServer()
    try:
        database.sql("CREATE DATABASE console")
        url = database.url("console")
        vin = filled.some_vin(7)
        ledger = open_ledger(url, account="vinocr")
        filled.end(ledger, filled.doubtful("in/worn.jpg", vin), url)
        user, opt = mounted(cloud, tmp_path, "http", ("postgresql",))
        deployed = cloud.kept["function"][f"{NAME}-http"]["Environment"]["Variables"]
        own = {
            **{one["Key"]: one["Value"] for one in deployed},
            "VINDROP_RESULTS": url,
            "VINDROP_DEAD_LETTERS": url,
            "VINDROP_LEDGER": url,
        }
        scf = SCF(dataclasses.replace(runtimes, site=opt), user, own)
        try:
            person = Person(lambda event: answered(scf, event), "tencent_url")
            person.signs_in(REVIEWER)
            assert "<title>" in person.asks("GET", "/review")["body"]
            [item] = person.gets("/v1/reviews")["items"]
            assert item["photo"]["src"].startswith(f"https://{BUCKET}.cos.{REGION}.")
            assert person.decides(item, vin)["review"]["vin"] == vin
            assert person.gets("/v1/reviews")["items"] == []
            assert vin in person.asks("GET", f"/uploads/{item['id']}")["body"]
        finally:
            scf.close()
        [life] = [open_console(ledger, None, 0.0).upload(item["id"])]
        assert life is not None
        assert (life.entry.vin, life.entry.verdict) == (vin, "reviewed")
        assert PASSWORD not in scf.log.read_text()
    finally:
        database.close()


def wal(folder: Path) -> bytes:
    path = folder / "vindrop.db-wal"
    return path.read_bytes() if path.exists() else b""


def test_remove_leaves_the_photos_alone_and_nothing_else(
    cloud: TencentCloud, vinocr: VinOCRProcess
) -> None:
    done = osls("remove", environment=environment(cloud, vinocr))
    assert cloud.refusals == []
    assert done.returncode == 0, done.stdout + done.stderr
    assert {kind: found for kind, found in cloud.kept.items() if found} == {}
    assert cloud.objects == {}
    assert cloud.buckets == set()
