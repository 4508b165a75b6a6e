"""`vindrop bootstrap tencent` against a loopback account that checks signatures, fields and rights."""

from __future__ import annotations

import itertools
import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import secrets
from tests.commands import vindrop
from tests.deploy.installed import ROOT
from tests.deploy.tencent.cloud import TencentCloud
from tests.deploy.tencent.state import APPID
from tests.library.conftest import a_dead_letter, a_reading, an_upload
from tests.stores.fixtures import Servers
from vindrop.core.ledger import Claim
from vindrop.core.rate_limiter import Permit
from vindrop.destinations import open_destination
from vindrop.stores import open_ledger, open_rate_limiter, sql
from vindrop_local.commands import bootstrap
from vindrop_local.errors import UserError
from vindrop_local.tencent_bootstrap import account, bucket, database, network
from vindrop_local.tencent_bootstrap.cloud import Cloud
from vindrop_local.tencent_bootstrap.env_file import EnvFile

BUCKET, NAME = f"photos-{APPID}", "vindrop-dev"
Run = Callable[..., dict[str, dict[str, Any]]]


@pytest.fixture
def cloud() -> Iterator[TencentCloud]:
    found = TencentCloud(None, secrets.TENCENT_ID, secrets.TENCENT_KEY)
    yield found
    found.close()


def environment(cloud: TencentCloud) -> dict[str, str]:
    return {
        "TENCENT_SECRET_ID": secrets.TENCENT_ID,
        "TENCENT_SECRET_KEY": secrets.TENCENT_KEY,
        "TENCENT_ENDPOINT_URL": cloud.url,
        "TENCENT_COS_PROXY": cloud.url,
    }


@pytest.fixture
def run(
    cloud: TencentCloud,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run the command in this process; its lines by the name of the step."""
    for name, value in environment(cloud).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(database, "_POLL", 0.0)
    capsys.readouterr()

    def call(**options: Any) -> dict[str, dict[str, Any]]:
        options = {"env_file": tmp_path / ".env", "yes": True, **options}
        try:
            bootstrap.tencent(as_json=True, **options)
        finally:
            lines = capsys.readouterr().out.splitlines()
        return {line["step"]: line for line in map(json.loads, lines)}

    return call


def kept(cloud: TencentCloud) -> str:
    """All that stands in the account."""
    clusters = cloud.of("cluster").values()
    for one in clusters:
        one.pop("looked", None)
    known = (cloud.kept, sorted(cloud.buckets), cloud.keys, sorted(map(str, cloud.rules.items())))
    return json.dumps(known, sort_keys=True)


def changes(cloud: TencentCloud, since: int) -> list[str]:
    reading = ("Describe", "Get", "List")
    return [action for _, action, _ in cloud.calls[since:] if not action.startswith(reading)]


def test_a_dry_run_is_the_default_shows_the_policy_and_changes_nothing(
    cloud: TencentCloud, tmp_path: Path
) -> None:
    done = vindrop("bootstrap", "tencent", cwd=tmp_path, **environment(cloud))
    assert done.returncode == 0, done.stderr
    assert '"name/cos:PutObject"' in done.stdout
    for name in (
        BUCKET,
        account.SERVICE_ROLE,
        f"{NAME}-deploy",
        f"{NAME}-ledger",
        "0.25 to 0.5 CCU",
    ):
        assert name in done.stdout
    assert "--yes" in done.stdout
    assert changes(cloud, 0) == []
    assert done.stderr == ""
    cloud.buckets.add(BUCKET)  # COS says of each rule that it is not there
    done = vindrop("bootstrap", "tencent", "--json", cwd=tmp_path, **environment(cloud))
    assert [json.loads(line)["state"] for line in done.stdout.splitlines()].count("there") == 2
    assert len(done.stderr.splitlines()) == 1
    cloud.buckets.clear()
    assert (cloud.buckets, list(tmp_path.iterdir()), cloud.refusals) == (set(), [], [])


def test_an_empty_account_becomes_one_that_can_be_deployed_to(
    cloud: TencentCloud, run: Run, tmp_path: Path
) -> None:
    lines = run()
    assert cloud.refusals == []
    assert {step for step, line in lines.items() if line["state"] != "made"} == {"database: awake"}
    assert cloud.buckets == {BUCKET}
    assert b"<ID>vindrop-page</ID>" in cloud.rules["cors", BUCKET]
    assert b"<Prefix>http-uploads/</Prefix>" in cloud.rules["lifecycle", BUCKET]
    assert b"AES256" in cloud.rules["encryption", BUCKET]
    file = EnvFile(tmp_path / ".env")
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert cloud.keys[file.get("TENCENT_SECRET_ID")][0] == file.get("TENCENT_SECRET_KEY")
    (cluster,) = cloud.of("cluster").values()
    given = cluster["given"]
    assert (given["DbMode"], given["MinCpu"], given["MaxCpu"]) == ("SERVERLESS", 0.25, 0.5)
    assert (given["AutoPause"], given["InstanceCount"]) == ("yes", 1)
    user = cluster["accounts"]["vindrop"]
    url = f"mysql://vindrop:{user['AccountPassword']}@10.7.0.9:3306/vindrop"
    assert {file.get(name) for name in database.URLS} == {url}
    assert user["privileges"] == [{"Db": "vindrop", "Privileges": database.PRIVILEGES}]
    assert user["AccountPassword"] not in json.dumps(lines)
    (group,) = cloud.of("security group").values()
    (rule,) = group["policies"]["Ingress"]
    assert (rule["CidrBlock"], rule["Port"], rule["Action"]) == (network.CIDR, "3306", "ACCEPT")


def test_a_second_run_changes_nothing(cloud: TencentCloud, run: Run, tmp_path: Path) -> None:
    run()
    before, file, calls = kept(cloud), (tmp_path / ".env").read_bytes(), len(cloud.calls)
    lines = run()
    assert {line["state"] for line in lines.values()} == {"there"}
    assert changes(cloud, calls) == []
    assert (kept(cloud), (tmp_path / ".env").read_bytes()) == (before, file)
    assert cloud.refusals == []


def test_the_database_holds_ledger_readings_and_dead_letters(
    cloud: TencentCloud, run: Run, servers: Servers, tmp_path: Path
) -> None:
    """The account's rights are all that the library's tables need: on a real server."""
    cloud.mysql = servers["mariadb"]
    cloud.mysql.sql("DROP DATABASE IF EXISTS vindrop")
    cloud.mysql.sql("DROP USER IF EXISTS 'vindrop'@'%'")
    run()
    url = EnvFile(tmp_path / ".env").get("VINDROP_LEDGER")
    assert f":{cloud.mysql.port}/" in url
    try:
        ledger = open_ledger(url, account="a")
        upload = an_upload("a.jpg")
        claim = ledger.claim(upload, 60.0)
        assert isinstance(claim, Claim)
        destination = open_destination(url)
        destination.put(a_reading())
        destination.put(a_dead_letter())
        limiter = open_rate_limiter(url, account="a", rate=10)
        assert isinstance(limiter.reserve(5), Permit)
    finally:
        sql.forget(url)


class Cut(Exception):  # noqa: N818
    """The process dies."""


def test_cut_off_after_any_call_the_next_run_ends_in_the_same_account(
    cloud: TencentCloud, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that dies right after its n-th change, whichever, is completed by the next one."""
    done = False
    for dies_after in itertools.count(1):
        fresh = TencentCloud(None, secrets.TENCENT_ID, secrets.TENCENT_KEY)
        for name in ("TENCENT_ENDPOINT_URL", "TENCENT_COS_PROXY"):
            monkeypatch.setenv(name, fresh.url)
        file = tmp_path / str(dies_after) / ".env"
        file.parent.mkdir()
        left = [dies_after]
        call = Cloud._call

        def dying(
            self: Any,
            service: str,
            action: str,
            parameters: Any,
            left: list[int] = left,
            call: Any = call,
        ) -> Any:
            answer = call(self, service, action, parameters)
            if not action.startswith(("Describe", "Get", "List")):
                left[0] -= 1
                if left[0] == 0:
                    raise Cut(action)
            return answer

        with monkeypatch.context() as patch:
            patch.setattr(Cloud, "_call", dying)
            try:
                run(env_file=file)
                done = True
            except Cut:
                pass
        run(env_file=file)
        (cluster,) = fresh.of("cluster").values()
        written = EnvFile(file)
        password = cluster["accounts"]["vindrop"]["AccountPassword"]
        assert password in written.get("VINDROP_LEDGER"), dies_after
        assert fresh.keys[written.get("TENCENT_SECRET_ID")][0] == written.get("TENCENT_SECRET_KEY")
        assert [len(fresh.of(kind)) for kind in ("vpc", "subnet", "security group", "user")] == [
            1
        ] * 4
        assert {line["state"] for line in run(env_file=file).values()} == {"there"}
        assert fresh.refusals == []
        fresh.close()
        if done:
            break
    assert dies_after > 12


def test_a_lost_file_is_written_anew_with_keys_and_password_that_hold(
    cloud: TencentCloud, run: Run, tmp_path: Path
) -> None:
    run()
    (tmp_path / ".env").unlink()
    assert "deployed needs" in run(yes=False)["database: account"]["detail"]
    lines = run()
    made = {step for step, line in lines.items() if line["state"] == "made"}
    assert made == {
        "sub-account: key",
        "database: password",
        "database: account",
        "database: addresses",
        "settings",
    }
    file = EnvFile(tmp_path / ".env")
    (cluster,) = cloud.of("cluster").values()
    assert cluster["accounts"]["vindrop"]["AccountPassword"] in file.get("VINDROP_LEDGER")
    assert {line["state"] for line in run().values()} == {"there"}
    (tmp_path / ".env").unlink()
    with pytest.raises(UserError, match="two keys"):
        run()


def test_what_is_yours_stays(cloud: TencentCloud, run: Run, tmp_path: Path) -> None:
    own = (
        "<ID>mine</ID><AllowedOrigin>https://mine</AllowedOrigin><AllowedMethod>GET</AllowedMethod>"
    )
    cloud.buckets.add(BUCKET)
    cloud.rules["cors", BUCKET] = (
        f"<CORSConfiguration><CORSRule>{own}</CORSRule></CORSConfiguration>".encode()
    )
    cloud.rules["encryption", BUCKET] = (
        b"<ServerSideEncryptionConfiguration><Rule><ApplySideEncryptionConfiguration><SSEAlgorithm>KMS"
        b"</SSEAlgorithm></ApplySideEncryptionConfiguration></Rule></ServerSideEncryptionConfiguration>"
    )
    example = (ROOT / ".env.example").read_text()
    (tmp_path / ".env").write_text(example.replace("PREFIX=''\n", "PREFIX=in/\n"))
    lines = run()
    assert lines["bucket"]["state"] == "there"
    assert b"https://mine" in cloud.rules["cors", BUCKET]
    assert b"vindrop-page" in cloud.rules["cors", BUCKET]
    assert b"KMS" in cloud.rules["encryption", BUCKET]
    file = EnvFile(tmp_path / ".env")
    assert file.get("PREFIX") == "in/"
    comments = [line for line in example.splitlines() if line.startswith("#")]
    assert [line for line in file.path.read_text().splitlines() if line.startswith("#")] == comments
    assert file.get("VINDROP_LEDGER").startswith("mysql://vindrop:")


def test_a_ledger_of_your_own_is_never_replaced(
    cloud: TencentCloud, run: Run, tmp_path: Path
) -> None:
    own = "VINDROP_LEDGER=postgresql://me@db.internal:5432/mine\n"
    (tmp_path / ".env").write_text(own)
    with pytest.raises(UserError, match="--no-database"):
        run()
    run(database=False)
    assert own in (tmp_path / ".env").read_text()
    assert "cluster" not in cloud.kept
    (tmp_path / ".env").unlink()
    with pytest.raises(UserError, match="VINDROP_LEDGER"):
        run(database=False)


@pytest.mark.parametrize(
    "denied",
    [
        "cam:GetUserAppId",
        "cos:GetService",
        "cos:PutBucket",
        "cos:PutBucketCORS",
        "cos:PutBucketEncryption",
        "cam:CreateRole",
        "cam:CreatePolicy",
        "cam:AddUser",
        "cam:CreateAccessKey",
        "vpc:CreateVpc",
        "vpc:CreateSecurityGroupWithPolicies",
        "cynosdb:DescribeZones",
        "cynosdb:CreateClusters",
        "cynosdb:CreateAccounts",
    ],
)
def test_a_refusal_names_the_action_and_the_next_run_goes_on(
    cloud: TencentCloud, run: Run, denied: str
) -> None:
    cloud.denied.add(denied)
    with pytest.raises(UserError, match=f"may not {denied}:"):
        run()
    cloud.denied.clear()
    run()
    assert {line["state"] for line in run().values()} == {"there"}
    assert cloud.refusals == []


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"region": "guangzhou"}, "such as ap-guangzhou"),
        ({"region": "ap-atlantis"}, "ap-atlantis"),
        ({"region": "ap-chengdu"}, "ap-guangzhou, ap-shanghai"),
        ({"photos": "Photos!"}, "small letters"),
        ({"photos": "photos-1259999999"}, "another account"),
        ({"photos": "p" * 30}, "shorter name"),
        ({"stage": "dev/../prod"}, "--stage"),
    ],
)
def test_what_cannot_be_is_one_sentence(run: Run, options: dict[str, str], says: str) -> None:
    with pytest.raises(UserError) as error:
        run(**options)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_a_bucket_in_another_region_is_found_there(cloud: TencentCloud, run: Run) -> None:
    cloud.buckets.add(BUCKET)
    cloud.regions[BUCKET] = "ap-shanghai"
    with pytest.raises(UserError, match="--region ap-shanghai"):
        run()
    assert run(region="ap-shanghai")["bucket"]["state"] == "there"


def test_a_paused_cluster_is_woken_and_an_isolated_one_is_named(
    cloud: TencentCloud, run: Run
) -> None:
    run()
    (cluster,) = cloud.of("cluster").values()
    cluster["ServerlessStatus"] = "pause"
    assert run(yes=False)["database: awake"]["state"] == "to be made"
    assert cluster["ServerlessStatus"] == "pause"
    lines = run()
    assert [step for step, line in lines.items() if line["state"] == "made"] == ["database: awake"]
    cluster["Status"] = "isolated"
    with pytest.raises(UserError, match="isolated"):
        run()


def test_wrong_keys_and_an_account_that_is_away(cloud: TencentCloud, tmp_path: Path) -> None:
    given = environment(cloud)
    for wrong, says in (
        ({"TENCENT_SECRET_KEY": secrets.WRONG_KEY}, "AuthFailure"),
        ({"TENCENT_SECRET_ID": ""}, "no keys"),
        ({"TENCENT_ENDPOINT_URL": "http://127.0.0.1:9"}, "could not be reached"),
    ):
        done = vindrop("bootstrap", "tencent", "--yes", cwd=tmp_path, **{**given, **wrong})
        assert (done.returncode, says in done.stderr) == (2, True), done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert "Traceback" not in done.stderr


def test_the_upload_prefix_is_that_of_the_deployment() -> None:
    assert f"uploadPrefix: {bucket.UPLOAD_PREFIX}" in (ROOT / "serverless.yml").read_text()
