"""Wrong parameters are refused by name, before anything is built or sent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deploy.installed import osls

pytestmark = pytest.mark.deploy
DATABASE = "postgresql://user:planted-password@db.internal/vindrop"
GOOD = {
    "tencent": {
        "CLOUD": "tencent",
        "BUCKET": "photos-1250000000",
        "VINDROP_RESULTS": DATABASE,
        "VINDROP_DEAD_LETTERS": DATABASE,
        "VINDROP_LEDGER": DATABASE,
        "TENCENT_SECRET_ID": "id",
        "TENCENT_SECRET_KEY": "key",
        # Whoever is called in spite of all answers nobody: the test then fails by another error.
        "TENCENT_ENDPOINT_URL": "http://127.0.0.1:9",
        "TENCENT_COS_PROXY": "http://127.0.0.1:9",
    },
    "aws": {
        "CLOUD": "aws",
        "BUCKET": "photos-of-vins",
        "VINDROP_VINOCR_SECRET_ID": "id",
        "VINDROP_VINOCR_SECRET_KEY": "key",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "key",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    },
}
WRONG = [
    ("tencent", {"BUCKET": ""}, [], "params.bucket: is empty"),
    ("tencent", {"BUCKET": "photos"}, [], "params.bucket: 'photos' is no bucket's name"),
    (
        "tencent",
        {"BUCKET": "a-bucket-whose-name-is-long-1250000000"},
        [],
        "SCF creates none over 60",
    ),
    ("tencent", {}, ["--param=timeout=901"], "provider.timeout': must be <= 900"),
    ("tencent", {}, ["--param=memory=100"], "params.memory: must be >= 256"),
    ("tencent", {}, ["--param=memory=500"], "params.memory: must be multiple of 64"),
    ("tencent", {}, ["--param=memroy=512"], "params.memroy: there is no such parameter"),
    ("tencent", {}, ["--param=retries=3"], "functions.upload.retries': must be <= 2"),
    ("tencent", {"VINDROP_RATE": "fast"}, [], "params.rate: must be number"),
    (
        "tencent",
        {"VINDROP_RESULTS": "sqlite:////tmp/x.db"},
        [],
        "params.results: a function's disk",
    ),
    ("tencent", {"VINDROP_LEDGER": ""}, [], "params.ledger: must match pattern"),
    ("tencent", {"CLOUD": "azure"}, [], "CLOUD is 'azure': it takes tencent or aws"),
    (
        "aws",
        {"BUCKET": "Photos_Of_Vins"},
        [],
        "params.bucket: 'Photos_Of_Vins' is no bucket's name",
    ),
    ("aws", {"VINDROP_VINOCR_SECRET_KEY": ""}, [], "params.vinocrSecretKey: is empty"),
    ("aws", {}, ["--param=onRemove=Keep"], "params.onRemove: must be equal to one of"),
    ("aws", {"BUCKET": "ab"}, [], "params.bucket: 'ab' is no bucket's name"),
    ("aws", {}, ["--param=timeout=901"], "provider.timeout': must be <= 900"),
    ("aws", {}, ["--param=memory=100"], "provider.memorySize': must be >= 128"),
    ("aws", {}, ["--param=memory=200"], "params.memory: must be >= 256"),
    ("aws", {}, ["--param=memroy=512"], "params.memroy: there is no such parameter"),
    ("aws", {"VINDROP_RESULTS": "file:///tmp/x"}, [], "params.results: a function's disk"),
    ("aws", {}, [f"--stage={'s' * 40}"], "AWS takes up to 64"),
    ("tencent", {}, [f"--stage={'s' * 40}"], "stage: function names take up to 60"),
    ("tencent", {"PREFIX": "/in"}, [], "params.prefix: must match pattern"),
    ("aws", {}, ["--param=logDays=15"], "logRetentionInDays': must be equal to one of"),
]


@pytest.mark.parametrize(("cloud", "own", "words", "sentence"), WRONG)
def test_a_wrong_parameter_is_refused_with_its_path(
    cloud: str, own: dict[str, str], words: list[str], sentence: str, node: Path
) -> None:
    assert node
    done = osls("deploy", *words, environment={**GOOD[cloud], **own})
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert sentence in said
    assert "planted-password" not in said
    assert "    at " not in said, "a traceback"
