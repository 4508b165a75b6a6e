"""`vindrop doctor`: each line says ok or what to do; nothing is paid for."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from tests import secrets
from tests.deploy.installed import ROOT
from tests.library.conftest import a_dead_letter, a_reading, an_upload
from tests.pipeline.conftest import BUCKET, World
from tests.stores.console_flow import ConsoleFlow, doubtful
from tests.stores.fixtures import Servers, fresh_store
from vindrop import settings as settings_module
from vindrop.core.review import Decision
from vindrop.domain.failures import Failure
from vindrop.stores import sql
from vindrop.wiring import build
from vindrop_local import env_lines
from vindrop_local.commands import doctor as command
from vindrop_local.commands import schema
from vindrop_local.doctor import Finding, examine
from vindrop_local.doctor.vinocr import _clock
from vindrop_local.errors import UserError
from vindrop_local.language import in_chinese

NO_KEYS = dict.fromkeys(secrets.VINOCR, "")


@pytest.fixture
def good(world: World, tmp_path: Path) -> Iterator[dict[str, str]]:
    store = f"sqlite:///{tmp_path}/vindrop.db"
    yield {
        "VINDROP_RESULTS": store,
        "VINDROP_DEAD_LETTERS": store,
        "VINDROP_LEDGER": store,
        "VINDROP_VINOCR_ENDPOINT": world.vinocr.endpoint,
        "VINDROP_STORAGE_ENDPOINT": world.storage_endpoint,
        "VINDROP_ALLOWED_BUCKETS": BUCKET,
        "VINDROP_API_KEYS": secrets.API_KEY,
        **secrets.VINOCR,
        **secrets.TENCENT_ROLE,
        "TENCENTCLOUD_REGION": "ap-guangzhou",
    }
    sql.forget(store)


def found(environment: dict[str, str]) -> dict[str, Finding]:
    return {one.what: one for one in examine(environment)}


def test_a_whole_installation_is_all_right_and_nothing_is_paid_for(
    good: dict[str, str], world: World
) -> None:
    before = world.vinocr.calls()
    findings = found(good)
    assert {one.state for one in findings.values()} == {"ok"}, findings
    assert {
        "settings",
        "VinOCR",
        "clock",
        "keys for VinOCR",
        f"bucket {BUCKET}",
        "ledger",
        "rate limiter",
    } <= set(findings)
    assert (world.vinocr.calls() - before).billed == 0


@pytest.mark.parametrize(
    ("wrong", "what", "says"),
    [
        ({"VINDROP_RATE": "fast"}, "settings", "VINDROP_RATE"),
        ({"VINDROP_VINOCR_SECRET_KEY": secrets.WRONG_KEY}, "keys for VinOCR", "AuthFailure"),
        ({**NO_KEYS, "TENCENTCLOUD_SECRETID": ""}, "keys for VinOCR", "execution role"),
        ({"VINDROP_VINOCR_ENDPOINT": "http://127.0.0.1:9"}, "VinOCR", "VINDROP_VINOCR_ENDPOINT"),
        ({"VINDROP_RATE_LIMITER": "memory"}, "rate limiter", "name a store"),
        ({"VINDROP_LEDGER": "sqlite:////proc/nowhere/x.db"}, "ledger", "/proc/nowhere"),
        ({"VINDROP_STORAGE_ENDPOINT": "http://127.0.0.1:9"}, f"bucket {BUCKET}", "did not answer"),
    ],
)
def test_what_is_wrong_is_named_with_what_to_do(
    good: dict[str, str], wrong: dict[str, str], what: str, says: str
) -> None:
    findings = found({**good, **wrong})
    assert findings[what].state == "wrong", findings
    assert says in findings[what].said
    assert secrets.find(str(findings).encode()) == []


def test_each_of_several_recognizers_is_looked_at(good: dict[str, str], world: World) -> None:
    there = world.vinocr.endpoint
    recognizers = f"own=inprocess: near={there} far=http://127.0.0.1:9"
    findings = found({**good, "VINDROP_RECOGNIZERS": recognizers})
    assert {what: findings[what].state for what in findings if what.endswith(")")} == {
        "reader (own)": "ok",
        "VinOCR (near)": "ok",
        "clock (near)": "ok",
        "keys for VinOCR (near)": "ok",
        "VinOCR (far)": "wrong",
        "keys for VinOCR (far)": "unsure",
    }


def test_the_open_circuit_of_one_recognizer_is_named(good: dict[str, str], world: World) -> None:
    there = world.vinocr.endpoint
    given = {**good, "VINDROP_RECOGNIZERS": f"own=inprocess: near={there}"}
    app = build(settings_module.load({n: v for n, v in given.items() if "VINDROP" in n}), given)
    app.engines[1].ledger.open_circuit(Failure("ResourceUnavailable.InArrears", "pay"), 60)
    findings = found(given)
    assert findings["account vinocr.near"].state == "wrong"
    assert "account vinocr.own" not in findings


def test_it_changes_nothing(good: dict[str, str], tmp_path: Path) -> None:
    there = sorted(tmp_path.iterdir())
    assert "first start makes it" in found(good)["ledger"].said
    assert sorted(tmp_path.iterdir()) == there


def test_it_makes_no_table_and_takes_no_permit(good: dict[str, str], tmp_path: Path) -> None:
    path = tmp_path / "vindrop.db"
    for statements, state in (([], "unsure"), (schema.statements("sqlite"), "ok")):
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            for statement in statements:
                connection.execute(statement)
        before = contents(path)
        findings = found(good)
        assert contents(path) == before
        assert {findings[what].state for what in ("ledger", "rate limiter")} == {state}
        assert ("schema sqlite" in findings["ledger"].said) == (state == "unsure")


def contents(path: Path) -> list[str]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_it_changes_nothing_in_dynamodb(
    good: dict[str, str], servers: Servers, tmp_path: Path
) -> None:
    url = fresh_store(servers, "dynamodb", tmp_path)
    findings = found(
        good
        | {"VINDROP_LEDGER": url, "VINDROP_RESULTS": url, "VINDROP_DEAD_LETTERS": url}
        | secrets.AWS
    )
    names = servers["aws"].client("dynamodb").list_tables()["TableNames"]
    assert not [name for name in names if name.startswith(url.partition("?")[0].rpartition("/")[2])]
    assert "is not there yet" in findings["ledger"].said
    assert "is not there yet" in findings["rate limiter"].said


@pytest.mark.parametrize(("skew", "state"), [(2, "ok"), (-90, "wrong"), (400, "wrong")])
def test_a_clock_that_is_off_is_told_before_it_breaks(skew: float, state: str) -> None:
    assert _clock(skew).state == state


def test_as_json_it_is_one_object_a_line_and_ends_with_1(
    good: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "settings.env"
    path.write_text(
        "# a comment\n\n" + "".join(f'export {name}="{value}"\n' for name, value in good.items())
    )
    command.doctor(env_file=path, as_json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["state"] for line in lines} == {"ok"}
    path.write_text("nonsense\n")
    with pytest.raises(UserError, match=r"settings\.env:1 is not NAME=value"):
        command.doctor(env_file=path)


def test_a_role_that_is_elsewhere_is_no_fault_of_a_deployment(
    good: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """SCF gives a function its role's keys; its settings, looked at from a laptop, cannot hold them."""
    path = tmp_path / "settings.env"
    gone = dict.fromkeys((*secrets.VINOCR, *secrets.TENCENT_ROLE), "")
    path.write_text("".join(f"{name}='{value}'\n" for name, value in {**good, **gone}.items()))
    command.doctor(env_file=path, as_json=True)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    states = {line["check"]: line["state"] for line in lines}
    assert states["keys for VinOCR"] == states[f"bucket {BUCKET}"] == "unsure"
    assert set(states.values()) == {"ok", "unsure"}
    wrong = {**secrets.VINOCR, "VINDROP_VINOCR_SECRET_KEY": secrets.WRONG_KEY}
    path.write_text("".join(f"{name}='{value}'\n" for name, value in {**good, **wrong}.items()))
    with pytest.raises(typer.Exit):
        command.doctor(env_file=path, as_json=True)


EXAMPLE = ROOT / ".env.example"
HOSTILE = """lee:review:K&y kim:admin:#k;(x)|<y>* "q" `z` !~{a,b} \\n ü"""
"""Legal where a value is free text; ' and $ are written otherwise, as the file's head says."""
TAME = {
    "CLOUD": "aws",
    "BUCKET": "a.b-c-1250000000",
    "REGION": "ap-guangzhou",
}
"""Names whose values take no character that a shell minds."""


def filled_in() -> dict[str, str]:
    """Every line of .env.example, the remarks' among them, as somebody fills it in: name → line."""
    found = re.findall(
        r"^#?([A-Z][A-Z_]+)=(.*)$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {
        name: f"{name}='{HOSTILE}'" if text.startswith("'") else f"{name}={TAME[name]}"
        for name, text in found
    }


@pytest.mark.parametrize("shell", ["bash", "sh"])
def test_shell_osls_and_doctor_read_the_same_of_every_line(
    shell: str, node: Path, tmp_path: Path
) -> None:
    path = tmp_path / ".env"
    odd = ['VINDROP_RECOGNIZERS="own=\\$VINOCR?price=0&rate=0 cloud=h"', "REMARKED=  # a remark"]
    path.write_text(
        "".join(f"{line}\n" for line in [*filled_in().values(), *odd]), encoding="utf-8"
    )
    wanted = {
        **{name: TAME.get(name, HOSTILE) for name in filled_in()},
        "VINDROP_RECOGNIZERS": "own=$VINOCR?price=0&rate=0 cloud=h",
        "REMARKED": "",
    }
    clean = {"PATH": os.environ["PATH"]}
    sourced = f"set -a && . ./.env && set +a && exec {sys.executable} -c "
    show = shlex.quote("import json, os; print(json.dumps(dict(os.environ)))")
    by_shell = heard([shell, "-e", "-c", sourced + show], tmp_path, clean)
    osls = "require(process.argv[1])('dev'); console.log(JSON.stringify(process.env))"
    load = str(node / "osls" / "lib" / "cli" / "load-dotenv.js")
    ways = {
        "shell": by_shell,
        "osls": heard(["node", "-e", osls, load], tmp_path, clean),
        "osls after the shell": heard(["node", "-e", osls, load], tmp_path, by_shell),
        "doctor": env_lines.read(path),
    }
    for way, got in ways.items():
        assert {name: got.get(name) for name in wanted} == wanted, way
    assert len(wanted) > 15


def heard(words: list[str], folder: Path, environment: dict[str, str]) -> dict[str, str]:
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mysql", "dynamodb"])
@pytest.mark.parametrize(
    "stands", ["claimed", "parked", "answered", "failed", "a decision", "ended"]
)
def test_nothing_waits_only_where_nothing_can_be_lost_with_the_tables(
    servers: Servers,
    good: dict[str, str],
    tmp_path: Path,
    kind: str,
    stands: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What the pages on removing a deployment wait for, in each state that an upload can be in."""
    for name, value in secrets.AWS.items():
        monkeypatch.setenv(name, value)
    url = fresh_store(servers, kind, tmp_path)
    flow = ConsoleFlow(url)
    upload = an_upload()
    if stands == "claimed":
        flow.claim(upload)
    elif stands == "parked":
        flow.park(upload)  # for ten minutes: nothing is due
    elif stands in {"answered", "failed"}:
        record = a_reading(upload) if stands == "answered" else a_dead_letter(upload)
        assert flow.ledger.keep(
            upload.id, flow.claim(upload), record, attempts=1, billed=1, lease=600
        )
    else:
        name = flow.end(doubtful(upload))
        flow.results.away = stands == "a decision"
        flow.desk.decide(Decision(upload_id=name, reviewer="ann", reason="no_vin"))
    said = found({**good, "VINDROP_LEDGER": url, **secrets.AWS})["ledger"].said
    assert (said == NOTHING) == (stands == "ended"), said
    assert "due at the next sweep: 0" in said or said == NOTHING


NOTHING = "answers; nothing waits"


@pytest.mark.parametrize(
    "page", ["deploy-aws.md", "deploy-tencent.md", "operations.md", "how-to/move-the-ledger.md"]
)
def test_the_pages_wait_for_the_words_that_doctor_says(page: str) -> None:
    docs = Path(__file__).resolve().parents[2] / "docs"
    assert f"`{NOTHING}`" in (docs / page).read_text(encoding="utf-8")
    chinese = docs / "zh" / page
    if chinese.is_file():
        assert f"`{in_chinese(NOTHING)}`" in chinese.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("there", "asked"),
    [
        (("VINDROP_VINOCR_ENDPOINT", *secrets.VINOCR), "VinOCR"),
        (("VINDROP_LEDGER",), "ledger"),
        (("VINDROP_ALLOWED_BUCKETS", "VINDROP_STORAGE_ENDPOINT"), f"bucket {BUCKET}"),
        (("VINDROP_RECOGNIZERS", *secrets.VINOCR), "VinOCR (near)"),
        ((), ""),
    ],
)
def test_what_can_be_checked_is_checked_where_the_rest_is_not_set(
    good: dict[str, str], world: World, there: tuple[str, ...], asked: str
) -> None:
    """On a laptop there is no deployment: whether VinOCR answers can be known all the same."""
    more = {"VINDROP_RECOGNIZERS": f"own=inprocess: near={world.vinocr.endpoint}"}
    given = {**good, **more}
    environment = {n: v for n, v in given.items() if not n.startswith("VINDROP_") or n in there}
    findings = found(environment)
    assert findings["settings"].state == "wrong"
    assert "is not set" in findings["settings"].said
    if asked:
        assert asked in findings
        assert findings[asked].state == "ok", findings
    else:
        assert not {"VinOCR", "ledger", "rate limiter"} & findings.keys(), "nothing to ask"
    assert "not-set" not in str(findings)
