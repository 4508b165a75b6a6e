"""The photos' bucket takes large photos from the page: CORS rule, lifecycle, encryption, on both clouds.

On Tencent the bucket is the user's: what stands in it stays. Both run deploy's own code with Node.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests import needs, secrets
from tests.deploy.installed import ROOT
from tests.deploy.tencent.cloud import TencentCloud

BUCKET = "photos-1250000000"
OWN_CORS = (
    "<CORSConfiguration><CORSRule><ID>mine</ID><AllowedOrigin>https://mine</AllowedOrigin>"
    "<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
)
OWN_LIFECYCLE = (
    "<LifecycleConfiguration><Rule><ID>mine</ID><Status>Enabled</Status><Filter><Prefix>old/</Prefix>"
    "</Filter><Expiration><Days>365</Days></Expiration></Rule></LifecycleConfiguration>"
)


def node(script: str, **environment: str) -> str:
    program = needs.program("node", package="nodejs")
    done = subprocess.run(
        [program, "-e", script],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_bucket_on_aws() -> None:
    given = {
        "self:custom.name": "vindrop-dev",
        "param:bucket": "photos-of-vins",
        "param:onRemove": "Retain",
        "param:timeout": "60",
        "param:alarms": "",
        "param:uploadPrefix": "page/",
    }
    script = (
        f"require('./deploy/aws/storage.js')({{resolveVariable: async (n) => ({json.dumps(given)})[n]}})"
        ".then((made) => console.log(JSON.stringify(made.template.Resources)))"
    )
    found: dict[str, Any] = json.loads(node(script))
    (bucket,) = (one["Properties"] for one in found.values() if one["Type"] == "AWS::S3::Bucket")
    (cors,) = bucket["CorsConfiguration"]["CorsRules"]
    assert cors["AllowedMethods"] == ["PUT"]
    assert cors["AllowedHeaders"] == ["*"]
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert (rule["Prefix"], rule["ExpirationInDays"], rule["Status"]) == ("page/", 1, "Enabled")
    assert "AES256" in json.dumps(bucket["BucketEncryption"])


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[TencentCloud]:
    needs_modules()
    found = TencentCloud(tmp_path, secrets.TENCENT_ID, secrets.TENCENT_KEY)
    yield found
    found.close()


def needs_modules() -> None:
    if not (ROOT / "node_modules" / "cos-nodejs-sdk-v5").is_dir():
        pytest.skip("npm ci brings cos-nodejs-sdk-v5")


def run(cloud: TencentCloud, what: str) -> None:
    call = {"ensure": "ensure(cos, where, 'page/')", "remove": "remove(cos, where)"}[what]
    node(
        f"""
        const COS = require('cos-nodejs-sdk-v5');
        const cos = new COS({{SecretId: process.env.ID, SecretKey: process.env.KEY,
          Proxy: process.env.PROXY, Protocol: 'http:'}});
        const where = {{Bucket: '{BUCKET}', Region: 'ap-guangzhou'}};
        require('./deploy/tencent/storage.js').{call}
          .catch((error) => {{ console.error(error); process.exitCode = 1; }});
        """,
        ID=secrets.TENCENT_ID,
        KEY=secrets.TENCENT_KEY,
        PROXY=cloud.url,
    )


def ids(cloud: TencentCloud, kind: str) -> list[str | None]:
    text = cloud.rules.get((kind, BUCKET), b"<none/>")
    return [each.text for each in ET.fromstring(text).iter("ID")]


@pytest.mark.parametrize("own", [True, False])
def test_the_bucket_on_tencent(cloud: TencentCloud, own: bool) -> None:
    mine = ["mine"] if own else []
    if own:
        cloud.rules["cors", BUCKET] = OWN_CORS.encode()
        cloud.rules["lifecycle", BUCKET] = OWN_LIFECYCLE.encode()
    for _ in range(2):  # a second deployment changes nothing
        run(cloud, "ensure")
        assert ids(cloud, "cors") == [*mine, "vindrop-page"]
        assert ids(cloud, "lifecycle") == [*mine, "vindrop-uploads"]
    cors = cloud.rules["cors", BUCKET].decode()
    assert "<AllowedMethod>PUT</AllowedMethod>" in cors
    lifecycle = cloud.rules["lifecycle", BUCKET].decode()
    assert "<Prefix>page/</Prefix>" in lifecycle
    assert "<Days>1</Days>" in lifecycle
    if own:
        assert "https://mine" in cors
        assert "<Days>365</Days>" in lifecycle
    assert b"AES256" in cloud.rules["encryption", BUCKET]
    run(cloud, "remove")
    assert ids(cloud, "cors") == mine
    assert ids(cloud, "lifecycle") == mine
    assert cloud.refusals == []
