"""deploy/vinocr: what compose, Kubernetes, Prometheus and Grafana are given, held against their own tools.

No container is run here: no test of ours may need a Docker daemon.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests import needs
from vindrop_local.vinocr_process import VinOCRProcess
from vinocr import settings
from vinocr.serve.metrics import Metrics

FILES = Path(__file__).resolve().parents[2] / "deploy" / "vinocr"
CHECK_JSONSCHEMA = "check-jsonschema==0.39.0"
KUBERNETES_VALIDATE = "kubernetes-validate==1.37.0"
GRAFANA = "grafana-foundation-sdk==1769699520!11.4.0"
"""Types that Grafana generates from its own schemas: for its version 11.4."""
OLDEST, NEWEST = "1.29", "1.37"
"""Kubernetes: both ends of what kubernetes.yml is written for."""


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((FILES / "compose.yml").read_text(encoding="utf-8"))
    return found


def manifests() -> dict[str, dict[str, Any]]:
    text = (FILES / "kubernetes.yml").read_text(encoding="utf-8")
    return {each["kind"]: each for each in yaml.safe_load_all(text)}


def checked(package: str, *words: str | Path) -> None:
    """Run a validator in an environment of its own: 72 MB of schemas are nothing for `make setup`."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "uv",
            "run",
            "--no-project",
            "--quiet",
            "--python",
            ">=3.11",
            "--with",
            package,
            *words,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_compose_is_valid_by_the_specification() -> None:
    words = ("check-jsonschema", "--builtin-schema", "vendor.compose-spec", FILES / "compose.yml")
    checked(CHECK_JSONSCHEMA, *words)


def test_every_file_that_compose_mounts_is_there() -> None:
    mounted = [
        each.split(":")[0]
        for service in compose()["services"].values()
        for each in service.get("volumes", [])
        if each.startswith(".")
    ]
    assert len(mounted) == 5
    for each in mounted:
        assert (FILES / each).is_file(), each
    build = compose()["services"]["vinocr"]["build"]
    assert (FILES / build["context"] / build["dockerfile"]).is_file()


def test_what_is_set_is_a_setting() -> None:
    known = {name for name, _, _ in settings.defaults()}
    assert set(compose()["services"]["vinocr"]["environment"]) <= known
    deployment = manifests()["Deployment"]["spec"]["template"]["spec"]["containers"][0]
    assert {each["name"] for each in deployment["env"]} <= known
    assert set(manifests()["ConfigMap"]["data"]) <= known


def ready(vinocr: VinOCRProcess) -> None:
    """Wait until a reader is up: before, the health page says 503, as it ought to."""
    for _ in range(600):
        try:
            urllib.request.urlopen(vinocr.endpoint + "/healthz", timeout=30).close()
        except urllib.error.HTTPError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("no reader came up")


def test_the_health_checks_ask_the_server_that_runs(tmp_path: Path) -> None:
    with VinOCRProcess(tmp_path / "log", secret_id="AKID1", secret_key="k" * 32) as vinocr:
        ready(vinocr)
        check = compose()["services"]["vinocr"]["healthcheck"]["test"]
        asked = check[-1].replace("http://127.0.0.1:9000", vinocr.endpoint)
        assert asked != check[-1]
        subprocess.run([sys.executable, "-c", asked], check=True, timeout=60)
        container = manifests()["Deployment"]["spec"]["template"]["spec"]["containers"][0]
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            path = container[probe]["httpGet"]["path"]
            with urllib.request.urlopen(vinocr.endpoint + path, timeout=30) as answer:
                assert answer.status == 200


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_takes_the_manifest(version: str) -> None:
    words = ("kubernetes-validate", "--strict", "-k", version, FILES / "kubernetes.yml")
    checked(KUBERNETES_VALIDATE, *words)


def test_the_manifest_hangs_together() -> None:
    found = manifests()
    assert set(found) == {
        *("ConfigMap", "Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"),
    }
    labels = found["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for selector in (
        found["Deployment"]["spec"]["selector"]["matchLabels"],
        found["Service"]["spec"]["selector"],
        found["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels.items()
    autoscaler = found["HorizontalPodAutoscaler"]["spec"]
    assert autoscaler["scaleTargetRef"]["name"] == found["Deployment"]["metadata"]["name"]
    for each in autoscaler["metrics"]:
        assert each["pods"]["metric"]["name"] in exposed()


def test_the_adapters_rule_brings_the_metric_that_the_autoscaler_asks_for(root: Path) -> None:
    page = (root / "docs" / "vinocr.md").read_text(encoding="utf-8")
    (rules,) = re.findall(r"```yaml\n(rules:\n.*?)```", page, re.DOTALL)
    (rule,) = yaml.safe_load(rules)["rules"]
    asked = manifests()["HorizontalPodAutoscaler"]["spec"]["metrics"][0]["pods"]["metric"]["name"]
    assert rule["name"]["as"] == asked
    series, labels = re.fullmatch(r"(\w+)\{(.+)\}", rule["seriesQuery"]).groups()  # type: ignore[union-attr]
    assert re.fullmatch(rule["name"]["matches"], series)
    assert series in exposed()
    named = {part.partition("!=")[0] for part in labels.split(",")}
    assert named == set(rule["resources"]["overrides"]) == {"namespace", "pod"}


def exposed() -> set[str]:
    """Names of the metrics that a server of ours gives, in the forms that queries use."""
    metrics = Metrics()
    metrics.answered.labels("1", "Success")
    source = (Path(settings.__file__).parent / "serve" / "http_server.py").read_text("utf-8")
    names = set(re.findall(r'"(vinocr_[a-z_]+)"', source))
    for family in metrics.registry.collect():
        names |= {family.name, *(sample.name for sample in family.samples)}
        if family.type == "counter":
            names.add(f"{family.name}_total")
        if family.type == "histogram":
            names.add(f"{family.name}_bucket")
    return names


@pytest.mark.parametrize("file", ["prometheus-rules.yml", "grafana-dashboard.json"])
def test_every_metric_that_is_asked_for_exists(file: str) -> None:
    text = (FILES / file).read_text(encoding="utf-8")
    asked = set(re.findall(r"\bvinocr_[a-z_0-9]+", text))
    assert len(asked) >= 5
    assert asked <= exposed()


def test_the_dashboard_has_no_panel_without_data() -> None:
    dashboard = json.loads((FILES / "grafana-dashboard.json").read_text(encoding="utf-8"))
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])
    assert all(target["expr"] for panel in dashboard["panels"] for target in panel["targets"])
    provisioned = yaml.safe_load((FILES / "grafana-datasource.yml").read_text(encoding="utf-8"))
    assert provisioned["datasources"][0]["type"] == dashboard["templating"]["list"][0]["query"]


KEPT = """
import json, sys
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard


def lost(given, kept, at):
    if isinstance(given, dict) and isinstance(kept, dict):
        for name in given:
            yield from lost(given[name], kept[name], f"{at}.{name}") if name in kept else [f"{at}.{name}"]
    elif isinstance(given, list) and isinstance(kept, list) and len(given) == len(kept):
        for number, pair in enumerate(zip(given, kept)):
            yield from lost(*pair, f"{at}[{number}]")
    elif given != kept:
        yield f"{at}: {given!r} became {kept!r}"


given = json.load(open(sys.argv[1]))
kept = json.loads(json.dumps(Dashboard.from_json(given), cls=JSONEncoder))
sys.exit("; ".join(lost(given, kept, "dashboard")) or None)
"""


@pytest.mark.parametrize("file", ["grafana-dashboard.json", "../tencent/grafana-dashboard.json"])
def test_grafana_knows_every_field_of_a_dashboard(file: str) -> None:
    checked(GRAFANA, "python", "-c", KEPT, FILES / file)


@pytest.mark.parametrize(
    "words",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "prometheus-rules.yml"),
        ("test", "rules", "prometheus-rules-test.yml"),
    ],
    ids=" ".join,
)
def test_prometheus_takes_its_files_and_each_alarm_rings(words: tuple[str, ...]) -> None:
    promtool = needs.program("promtool", package="prometheus")
    *command, file = words
    done = subprocess.run(
        [promtool, *command, FILES / file], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_alarm_is_in_the_papers(root: Path) -> None:
    rules = yaml.safe_load((FILES / "prometheus-rules.yml").read_text(encoding="utf-8"))
    page = (root / "docs" / "operations.md").read_text(encoding="utf-8")
    for rule in rules["groups"][0]["rules"]:
        assert f"`{rule['alert']}`" in page
