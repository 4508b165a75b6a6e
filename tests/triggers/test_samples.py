"""The events in events/: the public builder makes them again, and each runs on both platforms to its reading."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from vindrop.clouds.oss import OSS
from vindrop.domain.upload import Upload
from vindrop.triggers import read
from vindrop_local import s3
from vindrop_local.commands import invoke
from vindrop_local.platform import FunctionSpec, Platform, Result
from vindrop_local.platform.environment import variables
from vindrop_local.sample_events import SAMPLES, build, sample
from vindrop_local.sample_events.http import API_KEY
from vindrop_local.sample_events.template import TENCENT
from vindrop_local.stack import Place, Stack

VIN = "5NPEVYK97FD841835"  # of plate-04.jpg
SENT = "LSG77FH75BE263982"  # of stamped-04.jpg, which requests bring


@pytest.mark.parametrize("name", SAMPLES)
def test_the_file_is_what_the_builder_makes(root: Path, name: str) -> None:
    assert json.loads((root / "events" / f"{name}.json").read_text()) == sample(name)


def test_there_is_no_other_file(root: Path) -> None:
    assert {path.stem for path in (root / "events").glob("*.json")} == set(SAMPLES)


@pytest.fixture(scope="module")
def platforms(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[str, str], Platform]]:
    """One local stack, and each function on each platform for the events of each cloud."""
    folder = tmp_path_factory.mktemp("samples")
    photo = root / "events" / "photos" / "plate-04.jpg"
    with (
        Stack(Place(folder / "state", folder / "bucket"), watch=False) as stack,
        s3.serve([("photos", "plate-04.jpg", photo)]) as s3_endpoint,
    ):
        (folder / "bucket" / "plate-04.jpg").write_bytes(photo.read_bytes())
        keys = stack.account
        environment = {
            **stack.environment,
            "VINDROP_VINOCR_SECRET_ID": keys.secret_id,
            "VINDROP_VINOCR_SECRET_KEY": keys.secret_key,
            "VINDROP_API_KEYS": API_KEY,
            "VINDROP_ALLOWED_BUCKETS": f"photos {stack.bucket.name}",
        }
        other = {
            "scf": {
                "AWS_ACCESS_KEY_ID": keys.secret_id,
                "AWS_SECRET_ACCESS_KEY": keys.secret_key,
            },
            "lambda": {
                "TENCENTCLOUD_SECRETID": keys.secret_id,
                "TENCENTCLOUD_SECRETKEY": keys.secret_key,
            },
        }
        running: dict[tuple[str, str], Platform] = {}
        try:
            for style in ("scf", "lambda"):
                for cloud, endpoint in (
                    ("tencent", stack.environment["VINDROP_STORAGE_ENDPOINT"]),
                    ("aws", s3_endpoint),
                ):
                    specs = [
                        FunctionSpec(
                            function,
                            root / "functions" / function,
                            environment={
                                **environment,
                                **other[style],
                                "VINDROP_STORAGE_ENDPOINT": endpoint,
                            },
                            style=style,
                            concurrency=1,
                        )
                        for function in ("upload", "step", "http_api")
                    ]
                    platform = Platform(
                        folder / f"{style}-{cloud}", specs, identity=stack.platform.identity
                    )
                    platform.start()
                    running[style, cloud] = platform
            yield running
        finally:
            for platform in running.values():
                platform.close()


@pytest.mark.parametrize("style", ["scf", "lambda"])
@pytest.mark.parametrize("name", [name for name in SAMPLES if name != "oss"])
def test_it_runs_on_both_platforms(
    platforms: dict[tuple[str, str], Platform], name: str, style: str
) -> None:
    cloud = "tencent" if SAMPLES[name][0].startswith(TENCENT) else "aws"
    kind = name.partition("-")[0]
    function = {"step": "step", "http": "http_api"}.get(kind, "upload")
    result = platforms[style, cloud].invoke(function, sample(name))
    assert result.ok, result.error_message
    if function == "step":
        assert result.value["vin"] == VIN
    elif function == "http_api":
        assert result.value["statusCode"] == 200
        photo = name.endswith("-photo")
        assert json.loads(result.value["body"])["vin"] == (SENT if photo else VIN)
    elif "-sqs" in name:
        assert result.value == {"batchItemFailures": []}
        assert any('"verdict": "verified"' in line for line in result.log_lines)
    else:
        assert result.value["ended"] == {"reading": 1}


def test_oss_names_its_object_as_function_compute_does() -> None:
    """tests/pipeline/test_oss.py reads a photo from a bucket that speaks OSS."""
    made = build("oss", bucket="photos-of-mine", key="车 a+b.jpg", region="cn-beijing", size=7)
    delivery = read(made)
    assert delivery.source == "oss"
    (upload,) = delivery.arrivals
    assert isinstance(upload, Upload)
    assert (upload.cloud, upload.bucket, upload.region) == (
        "alibaba",
        "photos-of-mine",
        "cn-beijing",
    )
    assert (upload.key, upload.size) == ("车 a+b.jpg", 7)
    (known,) = read(sample("oss")).arrivals
    assert isinstance(known, Upload)
    assert known.etag == (known.etag or "").upper()


@pytest.mark.parametrize("style", ["scf", "lambda"])
def test_the_keys_of_every_cloud_reach_the_function(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, style: str
) -> None:
    """But nothing else of this process's environment."""
    seen: list[dict[str, str]] = []

    def call(*arguments: Any) -> Result:
        spec = FunctionSpec("upload", tmp_path, environment=arguments[4], style=arguments[3])
        seen.append(variables(spec, arguments[5]))
        return Result(ok=True, value={})

    (tmp_path / "handler.py").write_text("def main_handler(event, context): ...")
    (tmp_path / "event.json").write_text(json.dumps(sample("oss")))
    alibaba = dict(zip(OSS.role_variables[0], ("id", "key", "token"), strict=True))
    for name, value in {**alibaba, "FC_REGION": "cn-hangzhou", "SOMEBODY_ELSES_KEY": "x"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("VINDROP_RESULTS", "sqlite:///r.db")
    monkeypatch.setattr(invoke, "_call", call)
    invoke.invoke("upload", tmp_path / "event.json", platform=style)
    (found,) = seen
    assert alibaba.items() <= found.items()
    assert found["FC_REGION"] == "cn-hangzhou"
    assert "SOMEBODY_ELSES_KEY" not in found


def test_without_settings_oss_says_what_it_needs(root: Path, tmp_path: Path) -> None:
    ran = command("invoke", "upload", str(root / "events" / "oss.json"), folder=tmp_path)
    assert ran.returncode == 2
    assert "ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET" in ran.stderr


def command(*words: str, folder: Path, given: str = "") -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("VINDROP_")}
    return subprocess.run(
        [sys.executable, "-m", "vindrop_local", *words],
        input=given,
        capture_output=True,
        text=True,
        cwd=folder,
        env=environment,
        timeout=120,
        check=False,
    )


def test_event_and_invoke_fit_together(tmp_path: Path) -> None:
    made = command("event", "s3", "--key", "plate-04.jpg", "--in", "sqs", folder=tmp_path)
    assert json.loads(made.stdout) == build("s3", inside=["sqs"])
    ran = command(
        "invoke",
        "upload",
        "-",
        "--platform",
        "lambda",
        "--json",
        given=made.stdout,
        folder=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["value"] == {"batchItemFailures": []}
    assert '"verdict": "verified"' in ran.stderr


@pytest.mark.parametrize("platform", ["scf", "lambda"])
@pytest.mark.parametrize(
    ("words", "vin"),
    [
        (["http-tencent-url", "--photo", "{photos}/plate-04.jpg"], VIN),
        (["http-aws-http", "--key", "stamped-04.jpg"], SENT),
    ],
)
def test_a_request_and_invoke_fit_together(
    root: Path, tmp_path: Path, words: list[str], vin: str, platform: str
) -> None:
    words = [word.format(photos=root / "events" / "photos") for word in words]
    made = command("event", *words, folder=tmp_path)
    ran = command(
        *("invoke", "http_api", "-", "--platform", platform, "--json"),
        given=made.stdout,
        folder=tmp_path,
    )
    assert ran.returncode == 0, ran.stderr
    value = json.loads(ran.stdout)["value"]
    assert (value["statusCode"], json.loads(value["body"])["vin"]) == (200, vin)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["event", "gcs"], "there are cos, "),
        (["event", "cos", "--in", "rabbit"], "--in takes ckafka"),
        (["event", "cos", "--bucket", "Photos"], "is not a bucket name"),
        (["event", "cos", "--key", ""], "name an object"),
        (["event", "cos", "--photo", "x.jpg"], "--photo is for http-"),
        (["event", "http-aws-url", "--photo", "x.jpg"], "cannot read x.jpg"),
    ],
)
def test_a_wrong_word_is_one_sentence(tmp_path: Path, words: list[str], said: str) -> None:
    ran = command(*words, folder=tmp_path)
    assert ran.returncode == 2
    assert said in " ".join(ran.stderr.split())
    assert "Traceback" not in ran.stderr
