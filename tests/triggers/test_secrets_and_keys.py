"""From upload to record on both clouds: every key survives, and no secret comes along."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from qcloud_cos import CosS3Client

from tests import secrets
from tests.pipeline.conftest import World
from tests.triggers import payloads as p
from tests.triggers.test_batches import named
from vindrop import settings as settings_module
from vindrop.clouds import Credentials
from vindrop.clouds.cos import COS
from vindrop.core.destination import Readable
from vindrop.core.invocation import Invocation
from vindrop.destinations import open_destination
from vindrop.domain.records import to_json
from vindrop.domain.upload import Upload
from vindrop.stores import sql
from vindrop.triggers.upload_function import process
from vindrop.wiring import build
from vindrop_local import s3
from vindrop_local.bucket import Account, Bucket, BucketServer
from vindrop_local.platform import FunctionSpec, Identity, Platform
from vindrop_local.sample_events import build as event_for
from vindrop_local.vinocr_process import VinOCRProcess

BUCKET = "photos-1250000000"
PHOTO = Path(__file__).resolve().parents[2] / "events" / "photos" / "plate-04.jpg"
VIN = "5NPEVYK97FD841835"
KEYS = [
    "a b.jpg",
    "a+b.jpg",
    "100%.jpg",
    "a%20b%2Fc.jpg",
    "车架号/照片.jpg",
    "📷.jpg",
    f"{BUCKET}/a.jpg",
    "1250000000/photos/a.jpg",
    "/leading.jpg",
    "a?b#c&d=e.jpg",
    "/".join(letter * 200 for letter in "vwxy") + "/" + "1" * 36 + "/photo.jpg",  # 850 bytes
    "x/../y.jpg",
    "x/./y.jpg",
    "../up.jpg",
    "x//y.jpg",
    "x/..",
]


def read_all(
    folder: Path, endpoint: str, vinocr: VinOCRProcess, events: list[Any], **more: str
) -> dict[str, str]:
    """Process each event and return what its record says: key → VIN."""
    store = f"sqlite:///{folder}/keys.db"
    app = build(
        settings_module.load(
            {
                "VINDROP_RESULTS": store,
                "VINDROP_DEAD_LETTERS": store,
                "VINDROP_LEDGER": store,
                "VINDROP_RATE": "500",
                "VINDROP_VINOCR_TIMEOUT": "60",
                "VINDROP_VINOCR_ENDPOINT": vinocr.endpoint,
                **secrets.VINOCR,
                "VINDROP_STORAGE_ENDPOINT": endpoint,
            }
        ),
        {**secrets.TENCENT, **secrets.AWS},
    )
    try:
        for event in events:
            process(app, event, Invocation("local", "r", "f", 600.0))
        kept = cast("Readable", open_destination(store))
        letters = list(kept.records("dead_letters"))
        assert not letters, letters
        return {r.upload.key: r.vin for r in kept.records("readings")}  # type: ignore[union-attr]
    finally:
        sql.forget(store)


@pytest.fixture(scope="module")
def vinocr(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VinOCRProcess]:
    with VinOCRProcess(
        tmp_path_factory.mktemp("vinocr") / "log",
        secret_id=secrets.VINOCR_ID,
        secret_key=secrets.VINOCR_KEY,
        settings={"VINOCR_URL_ALLOW": "127.0.0.1", "VINOCR_RATE": "1000"},
    ) as running:
        yield running


def test_every_key_survives_on_cos(tmp_path: Path, vinocr: VinOCRProcess) -> None:
    """Put by the official SDK; the events are the bucket's own, the photos go by signed URL."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "handler.py").write_text("def main_handler(event, context): return event")
    events: list[Any] = []
    with (
        Platform(
            tmp_path / "state",
            [FunctionSpec("collect", code, concurrency=1)],
            on_done=lambda _name, _id, result: events.append(result.value),
        ) as platform,
        BucketServer(
            [Bucket(BUCKET, "ap-guangzhou", tmp_path / "bucket")],
            [Account(secrets.TENCENT_ID, secrets.TENCENT_KEY)],
            platform.database,
            platform.trigger("collect"),
        ) as server,
    ):
        client = server.client(BUCKET)
        for key in KEYS:
            put(client, server.url(BUCKET), key)
        while len(events) < len(KEYS):
            time.sleep(0.02)
        read = read_all(tmp_path, server.url(BUCKET), vinocr, events)
    assert read == dict.fromkeys(KEYS, VIN)


def put(client: CosS3Client, endpoint: str, key: str) -> None:
    if not {"", ".", ".."} & set(key.split("/")):
        client.put_object(Bucket=BUCKET, Key=key, Body=PHOTO.read_bytes())
        return
    # The SDK drops a leading slash, and what it sends is rewritten on the way; COS keeps all of it.
    place = Upload(cloud="tencent", bucket=BUCKET, region="ap-guangzhou", key=key, version="")
    keys = Credentials(secrets.TENCENT_ID, secrets.TENCENT_KEY)
    url = COS.signed_url(place, keys, seconds=60, endpoint=endpoint, method="PUT")
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    connection.request("PUT", url.partition(parts.netloc)[2], PHOTO.read_bytes())
    assert connection.getresponse().status == 200
    connection.close()


def test_every_key_survives_on_s3(tmp_path: Path, vinocr: VinOCRProcess) -> None:
    with s3.server() as endpoint:
        client = s3.client(endpoint, secrets.AWS_ID, secrets.AWS_KEY)
        client.create_bucket(Bucket=BUCKET)
        events = []
        for number, key in enumerate(KEYS):
            client.put_object(Bucket=BUCKET, Key=key, Body=PHOTO.read_bytes())
            kind = "s3" if number % 2 else "eventbridge-aws"
            events.append(event_for(kind, bucket=BUCKET, key=key, size=PHOTO.stat().st_size))
        assert read_all(tmp_path, endpoint, vinocr, events) == dict.fromkeys(KEYS, VIN)


FIELD = f"{secrets.MARK} in a field that nobody knows"


def test_no_secret_reaches_any_output(world: World, root: Path) -> None:
    """Planted in events and environment, looked for in all that leaves: logs, records, the ledger's file."""
    state = world.folder / "state"
    store = f"sqlite:///{world.folder}/vindrop.db"
    environment = {
        "VINDROP_RESULTS": store,
        "VINDROP_DEAD_LETTERS": store,
        "VINDROP_LEDGER": store,
        "VINDROP_VINOCR_ENDPOINT": world.vinocr.endpoint,
        **secrets.VINOCR,
        "VINDROP_STORAGE_ENDPOINT": world.storage_endpoint,
        "VINDROP_API_KEYS": secrets.API_KEY,
        "VINDROP_LOG_LEVEL": "debug",
        "VINDROP_RETRY_SECONDS": "0.01",
        "VINDROP_VINOCR_TIMEOUT": "30",
    }
    spec = FunctionSpec(
        "upload",
        root / "functions" / "upload",
        environment=environment,
        concurrency=1,
        timeout_seconds=300,
    )
    identity = Identity(
        secret_id=secrets.TENCENT_ID,
        secret_key=secrets.TENCENT_KEY,
        session_token=secrets.TENCENT_TOKEN,
    )
    good = named(world.photo())
    headers = good["Records"][0]["event"]["requestParameters"]["requestHeaders"]
    headers["Authorization"] = secrets.UPLOADER
    broken = json.loads(json.dumps(good))
    broken["Records"][0]["cos"]["cosObject"]["size"] = FIELD
    gone = json.loads(json.dumps(good).replace(world_key(good), "gone.jpg"))
    events = [
        good,
        broken,
        gone,
        p.sqs(good, f"no JSON {FIELD}", {"Authorization": secrets.UPLOADER}),
        p.ckafka({"x": FIELD}),
        {"headers": {"Authorization": secrets.UPLOADER}, "body": FIELD},
        secrets.UPLOADER,
        named(world.upload(b"")),
    ]
    outputs: list[str] = []
    with Platform(state, [spec], identity=identity) as platform:
        for rule in (
            [],
            [{"code": "FailedOperation.DownLoadError", "message": secrets.SIGNED_URL}],
            [{"cut": "after"}],
        ):
            world.faults.set(*rule)
            for event in [*events, named(world.photo())]:
                result = platform.invoke("upload", event)
                outputs += [*result.log_lines, json.dumps(result.value), result.error_message]
    text = "\n".join(outputs) + "\n".join(
        [to_json(each) for each in world.readings()]
        + [to_json(each) for each in world.dead_letters()]
    )
    assert len(world.readings()) >= 1
    assert len(world.dead_letters()) >= 5
    # The ledger's and the platform's files are searched as every test's are: tests/leaks.py.
    assert secrets.find(text.encode()) == []


def world_key(event: dict[str, Any]) -> str:
    return str(event["Records"][0]["cos"]["cosObject"]["key"]).partition("/photos/")[2]


def test_what_a_log_line_is_given_is_redacted() -> None:
    """A sentence of a library's that quotes a signed URL loses its query."""
    code = "from vindrop.telemetry import log; import sys; log('x', reason=sys.argv[1])"
    ran = subprocess.run(
        [sys.executable, "-c", code, secrets.SIGNED_URL], capture_output=True, text=True, check=True
    )
    assert "a.jpg?…" in ran.stdout
