"""Alarms look at what is really logged: each number and each event that they name has been seen in a log line."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import needs
from tests.deploy.tencent.models import held_against_model
from tests.pipeline.conftest import World, a_call, process
from vindrop.core import sweep
from vindrop_local import prices

ROOT = Path(__file__).resolve().parents[2]
BOARD = ROOT / "deploy" / "tencent" / "grafana-dashboard.json"
WANTED = {
    "dead_letters",
    "retry_waiting_seconds",
    "circuit_open",
    "refusals",
    "oldest_seconds",
    "undelivered",
    "daily_cap_reached",
}


@pytest.fixture
def lines(world: World, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What the log says of every kind of end, and of a sweep while the account is blocked."""
    app = world.app()
    process(app, world.photo())
    process(app, world.upload(b""))
    world.faults.set({"first": 1, "code": "RequestLimitExceeded"})
    process(app, world.photo())
    world.faults.set({"code": "FailedOperation.ArrearsError"})
    assert process(app, world.photo()).end == "retry_scheduled"
    sweep.process(app, a_call())
    capped = world.app(VINDROP_DAILY_CALLS="1", VINDROP_ACCOUNT="capped")
    for _ in range(2):
        world.faults.set()
        process(capped, world.photo())
    (world.folder / "no-folder").touch()
    away = world.app(VINDROP_RESULTS=f"file://{world.folder}/no-folder/readings.jsonl")
    world.faults.set()
    away.ledger.close_circuit()
    assert process(away, world.photo(), seconds=8).end == "undelivered"
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line[:1] == "{"]


def run_node(script: str) -> Any:
    node = needs.program("node", package="nodejs")
    done = subprocess.run(
        [node, "-e", script], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return json.loads(done.stdout)


def test_alarms_on_aws_look_at_metrics_that_there_are(lines: list[dict[str, Any]]) -> None:
    template = run_node(
        "require('./deploy/aws/alarms.js')({resolveVariable: async (n) => n == 'param:rate' ? 10 :"
        " 'vindrop-dev'}).then(t => console.log(JSON.stringify(t)))"
    )
    text = json.dumps(template["template"]["Resources"])
    named = set(re.findall(r'"Namespace": "vindrop", "MetricName": "(\w+)"', text))
    assert named >= WANTED
    shown = json.loads(
        template["template"]["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    )
    for widget in shown["widgets"]:
        named |= {one[1] for one in widget["properties"].get("metrics", [])}
    assert named >= {*WANTED, "waiting", "readings", "calls"}
    logged = {name for line in lines for name in line.get("metric", [])}
    assert named <= logged


def test_the_bill_counts_every_metric_of_every_alarm() -> None:
    template = run_node(
        "require('./deploy/aws/alarms.js')({resolveVariable: async (n) => n == 'param:rate' ? 10 :"
        " 'vindrop-dev'}).then(t => console.log(JSON.stringify(t)))"
    )["template"]["Resources"]
    alarms = [one["Properties"] for one in template.values() if one["Type"].endswith("::Alarm")]
    watched = [
        sum("MetricStat" in metric for metric in one["Metrics"]) if "Metrics" in one else 1
        for one in alarms
    ]
    assert sum(watched) == prices.ALARM_METRICS


def test_alarms_on_tencent_query_lines_that_there_are(lines: list[dict[str, Any]]) -> None:
    alarms = run_node("console.log(JSON.stringify(require('./deploy/tencent/logs.js').alarms(10)))")
    asked = set()
    for name, (query, condition, _, about) in alarms.items():
        (word,) = re.findall(r'SCF_Message:"(\w+)"', query)
        fields = set(re.findall(r"\$\.(\w+)", query))
        found = [line for line in lines if word in json.dumps(line)]
        assert any(fields <= set(line) for line in found), (name, word)
        assert condition
        assert about
        asked |= {word, *fields}
    assert asked >= {*WANTED - {"dead_letters"}, "dead_letter"}


def targets() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each panel's title, and what it asks of Tencent's data source for Grafana."""
    board = json.loads(BOARD.read_text(encoding="utf-8"))
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target


def test_the_dashboard_on_tencent_asks_for_lines_that_there_are(
    lines: list[dict[str, Any]],
) -> None:
    asked: set[str] = set()
    for title, target in targets():
        query = target["logServiceParams"]["Query"]
        words = set(re.findall(r'SCF_Message:"(\w+)"', query))
        fields = set(re.findall(r"\$\.(\w+)", query))
        found = [line for line in lines if any(f'"{word}"' in json.dumps(line) for word in words)]
        assert all(any(field in line for line in found) for field in fields), (title, words)
        asked |= words | fields
    assert asked >= {*WANTED - {"dead_letters"}, "dead_letter", "waiting", "readings", "calls"}


def test_what_an_alarm_watches_is_on_the_dashboard_under_its_name() -> None:
    alarms = run_node("console.log(JSON.stringify(require('./deploy/tencent/logs.js').alarms(10)))")
    board = json.loads(BOARD.read_text(encoding="utf-8"))
    told = " ".join(panel["description"] for panel in board["panels"])
    named = set(re.findall(r"[a-z]+(?:-[a-z]+)*", told))
    assert set(alarms) <= named


def test_the_dashboard_asks_as_tencents_data_source_and_its_api_have_it(
    models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fields of cls-grafana-datasource's query, and the SDK's model of the call it makes."""
    import tencentcloud

    paths = [*tencentcloud.__path__, str(models / "tencentcloud")]
    monkeypatch.setattr(tencentcloud, "__path__", paths)
    kinds = {"timeseries": "Graph", "table": "Table"}
    board = json.loads(BOARD.read_text(encoding="utf-8"))
    variables = {one["name"]: one for one in board["templating"]["list"]}
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"]) >= 8
    for panel in board["panels"]:
        source = panel["datasource"]
        assert (
            source["type"] == variables["datasource"]["query"] == "tencent-cls-grafana-datasource"
        )
        for target in panel["targets"]:
            assert target["serviceType"] == "logService"
            given = target["logServiceParams"]
            assert given["format"] == kinds[panel["type"]]
            assert given.keys() == {
                "region",
                "TopicId",
                "Query",
                "SyntaxRule",
                "format",
                "TimeZone",
            }
            assert (
                {given["region"], given["TopicId"]}
                == {"${region}", "${topic}"}
                <= {f"${{{name}}}" for name in variables}
            )
            query = {k: v for k, v in given.items() if k in {"TopicId", "Query", "SyntaxRule"}}
            held_against_model("cls", "SearchLog", {**query, "From": 0, "To": 1})
            # $t and the like would be taken for a variable of Grafana's
            assert not re.search(r"\$\w|\[\[", given["Query"])


def test_operations_say_of_every_alarm_what_to_do_at_three_in_the_morning() -> None:
    """Its meaning, what to look at, what to do, what not to do: no cell is empty."""
    template = run_node(
        "require('./deploy/aws/alarms.js')({resolveVariable: async (n) => n == 'param:rate' ? 10 :"
        " 'vindrop-dev'}).then(t => console.log(JSON.stringify(t)))"
    )["template"]["Resources"]
    alarms = (name for name, one in template.items() if one["Type"] == "AWS::CloudWatch::Alarm")
    aws = {name.removesuffix("Alarm") for name in alarms}
    tencent = set(
        run_node("console.log(JSON.stringify(require('./deploy/tencent/logs.js').alarms(10)))")
    )
    page = (ROOT / "docs" / "operations.md").read_text()
    table = page[page.index("## Alarms") : page.index("## Alarms of your own VinOCR")]
    told: set[str] = set()
    for line in table.splitlines():
        if line.startswith("| `"):
            names, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            assert len(cells) == 4, names
            assert all(cells), names
            told |= set(re.findall(r"`([\w-]+)`", names))
    assert aws | tencent == told
