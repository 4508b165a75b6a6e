"""Whatever arrives in the folder is announced: once, with COS's event, whenever we are killed."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from qcloud_cos import CosConfig, CosS3Client
from qcloud_cos.cos_exception import CosClientError, CosServiceError

from tests import secrets
from vindrop_local.bucket import Account, Bucket, BucketServer
from vindrop_local.platform import AlreadyRunningError, FunctionSpec, Platform

BUCKET = Bucket("testpic-1253970026", "ap-chengdu", Path("unused"))
ACCOUNTS = [Account(secrets.TENCENT_ID, secrets.TENCENT_KEY)]
CODE = "def main_handler(event, context): return event"


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited 20 s in vain"
        time.sleep(0.01)


class Stack:
    """A bucket and a platform whose function answers with the event it got."""

    def __init__(self, folder: Path) -> None:
        self.base = folder
        self.folder = folder / "bucket"
        self.events: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.warnings: list[str] = []
        code = folder / "code"
        code.mkdir()
        (code / "handler.py").write_text(CODE)
        self.spec = FunctionSpec("default-printevent", code, concurrency=1)
        self._running: list[Any] = []

    def start(self) -> None:
        def done(_: str, event_id: str, result: Any) -> None:
            self.ids.append(event_id)
            self.events.append(result.value)

        platform = Platform(self.base / "state", [self.spec], on_done=done)
        platform.start()
        bucket = Bucket(BUCKET.name, BUCKET.region, self.folder)
        server = BucketServer(
            [bucket],
            ACCOUNTS,
            platform.database,
            platform.trigger(self.spec.name),
            poll_seconds=0.05,
            warn=self.warnings.append,
        )
        server.start()
        self.platform, self.server = platform, server
        self._running = [server.stop, platform.close]
        self.client = server.client(BUCKET.name, retry=0)

    def stop(self) -> None:
        for each in self._running:
            each()
        self._running = []

    def keys(self) -> list[str]:
        return [e["Records"][0]["cos"]["cosObject"]["key"].split("/", 3)[3] for e in self.events]


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = Stack(tmp_path)
    made.start()
    yield made
    made.stop()


def shape(value: Any) -> Any:
    """Field names and types, however deep; what a bucket's meta holds is the object's own."""
    if isinstance(value, dict):
        return {k: shape(v) for k, v in value.items() if not k.startswith("x-cos-meta-")}
    if isinstance(value, list):
        return [shape(each) for each in value]
    return type(value)


def test_a_put_sends_the_documented_event(stack: Stack, shared: Path) -> None:
    documented = json.loads((shared / "events" / "cos_object_created_doc.json").read_text())
    answer = stack.client.put_object(
        Bucket=BUCKET.name,
        Key="day 1/车+%.jpg",
        Body=b"1" * 1029,
        Metadata={"x-cos-meta-mykey": "myvalue"},
    )
    until(lambda: stack.events)
    (event,) = stack.events
    assert shape(event) == shape(documented)
    cos, told = event["Records"][0]["cos"], event["Records"][0]["event"]
    assert cos["cosBucket"] == documented["Records"][0]["cos"]["cosBucket"]
    item = cos["cosObject"]
    assert item["key"] == "/1253970026/testpic/day 1/车+%.jpg"
    url = urlsplit(item["url"])
    assert url.netloc == "testpic-1253970026.cos.ap-chengdu.myqcloud.com"
    assert unquote(url.path) == "/day 1/车+%.jpg"
    assert item["size"] == 1029
    assert item["meta"]["x-cos-meta-mykey"] == "myvalue"
    assert item["meta"]["x-cos-request-id"] == answer["x-cos-request-id"] == stack.ids[0]
    assert base64.b64decode(stack.ids[0]).count(b"_") == 3
    assert told["eventName"] == "cos:ObjectCreated:Put"
    assert told["eventQueue"].startswith("qcs:0:scf:cd:appid/1253970026:default.")
    signed = told["requestParameters"]["requestHeaders"]["Authorization"]
    assert signed.startswith(f"q-sign-algorithm=sha1&q-ak={secrets.TENCENT_ID}&")


def test_copies_and_multipart_uploads_say_so(stack: Stack) -> None:
    client = stack.client
    client.put_object(Bucket=BUCKET.name, Key="a", Body=b"1")
    source = {"Bucket": BUCKET.name, "Key": "a", "Region": BUCKET.region}
    client.copy_object(BUCKET.name, "b", source)
    upload = client.create_multipart_upload(BUCKET.name, "c")["UploadId"]
    part = client.upload_part(BUCKET.name, "c", b"1", 1, upload)
    parts = {"Part": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    client.complete_multipart_upload(BUCKET.name, "c", upload, parts)
    until(lambda: len(stack.events) == 3)
    assert [e["Records"][0]["event"]["eventName"].rpartition(":")[2] for e in stack.events] == [
        "Put",
        "Copy",
        "CompleteMultipartUpload",
    ]


def test_the_same_bytes_put_twice_are_two_uploads(stack: Stack) -> None:
    answers = [
        stack.client.put_object(Bucket=BUCKET.name, Key="a", Body=b"1")["x-cos-request-id"]
        for _ in range(3)
    ]
    until(lambda: len(stack.events) == 3)
    assert stack.ids == answers
    assert len(set(answers)) == 3


def test_a_file_copied_in_is_announced_once_it_stops_growing(stack: Stack) -> None:
    with (stack.folder / "slow.jpg").open("wb") as file:
        for _ in range(8):
            file.write(b"x" * 1000)
            file.flush()
            time.sleep(0.1)
            assert stack.events == []
    until(lambda: stack.events)
    item = stack.events[0]["Records"][0]["cos"]["cosObject"]
    assert (item["size"], item["meta"]["Content-Type"]) == (8000, "image/jpeg")
    (stack.folder / "deep" / "er").mkdir(parents=True)
    shutil.copy2(stack.folder / "slow.jpg", stack.folder / "deep" / "er" / "copy.jpg")
    until(lambda: len(stack.events) == 2)
    (stack.folder / "slow.jpg").write_bytes(b"changed")
    until(lambda: len(stack.events) == 3)
    assert stack.keys() == ["slow.jpg", "deep/er/copy.jpg", "slow.jpg"]
    assert len(set(stack.ids)) == 3


def test_what_is_no_object_is_not_announced(stack: Stack) -> None:
    (stack.folder / ".DS_Store").write_bytes(b"1")
    (stack.folder / "photo.jpg.part").write_bytes(b"1")
    (stack.folder / ".vindrop" / "x.jpg").write_bytes(b"1")
    (stack.folder / "link.jpg").symlink_to("/etc/hostname")
    os.mkfifo(stack.folder / "pipe.jpg")
    with Path(os.fsdecode(os.fsencode(stack.folder) + b"/latin\xe9.jpg")).open("wb") as file:
        file.write(b"1")
    until(lambda: len(stack.warnings) == 3)
    (stack.folder / "last.jpg").write_bytes(b"1")
    until(lambda: stack.events)
    assert stack.keys() == ["last.jpg"]
    assert any("is a link" in each for each in stack.warnings)
    assert any("'pipe.jpg' is a pipe" in each for each in stack.warnings)
    assert any("UTF-8" in each for each in stack.warnings)


def test_after_a_stop_only_what_came_meanwhile_is_announced(stack: Stack) -> None:
    stack.client.put_object(Bucket=BUCKET.name, Key="before", Body=b"1")
    (stack.folder / "copied").write_bytes(b"1")
    until(lambda: len(stack.events) == 2)
    stack.stop()
    (stack.folder / "meanwhile").write_bytes(b"1")
    stack.start()
    until(lambda: len(stack.events) == 3)
    stack.client.put_object(Bucket=BUCKET.name, Key="after", Body=b"1")
    until(lambda: len(stack.events) == 4)
    assert sorted(stack.keys()) == ["after", "before", "copied", "meanwhile"]


def test_a_journal_that_is_gone_announces_the_same_uploads(stack: Stack) -> None:
    stack.client.put_object(Bucket=BUCKET.name, Key="put", Body=b"1")
    (stack.folder / "copied").write_bytes(b"1")
    until(lambda: len(stack.events) == 2)
    stack.stop()
    shutil.rmtree(stack.base / "state")
    stack.start()
    until(lambda: len(stack.events) == 4)
    assert set(stack.ids[:2]) == set(stack.ids[2:])


def test_two_buckets_on_one_state_are_refused(stack: Stack) -> None:
    other = BucketServer(
        [Bucket(BUCKET.name, BUCKET.region, stack.folder)], ACCOUNTS, stack.platform.database
    )
    with pytest.raises(AlreadyRunningError, match="stop it, or choose another folder"):
        other.start()


SCRIPT = """
import sys, time
from pathlib import Path
from vindrop_local.bucket import Account, Bucket, BucketServer
from vindrop_local.platform import FunctionSpec, Platform
base = Path(sys.argv[1])
spec = FunctionSpec("f", base / "code", environment={"OUT": str(base / "out")}, concurrency=2)
with Platform(base / "state", [spec]) as platform:
    bucket = Bucket("testpic-1253970026", "ap-chengdu", base / "bucket")
    with BucketServer([bucket], [Account(*sys.argv[2:])], platform.database,
                      platform.trigger("f"), poll_seconds=0.05) as server:
        print(server.ports[bucket.name], flush=True)
        sys.stdin.read()
"""
WRITER = """
import os
def main_handler(event, context):
    item = event["Records"][0]["cos"]["cosObject"]
    with open(os.environ["OUT"], "a") as out:
        out.write(item["key"].split("/", 3)[3] + " " + item["meta"]["x-cos-request-id"] + "\\n")
"""


def test_sigkill_at_any_moment_loses_no_upload(tmp_path: Path) -> None:
    """Uploads and copies go on while the bucket is killed again and again in their midst."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "handler.py").write_text(WRITER)
    (tmp_path / "bucket").mkdir()
    out = tmp_path / "out"
    out.touch()
    accepted: dict[str, str] = {}

    def start() -> tuple[subprocess.Popen[bytes], CosS3Client]:
        process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(tmp_path), secrets.TENCENT_ID, secrets.TENCENT_KEY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        assert process.stdout is not None
        port = int(process.stdout.readline())
        where = {"Scheme": "http", "IP": "127.0.0.1", "Port": port}
        keys = {"SecretId": secrets.TENCENT_ID, "SecretKey": secrets.TENCENT_KEY}
        return process, CosS3Client(CosConfig(Region="ap-chengdu", **where, **keys), retry=0)

    def announced() -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for line in out.read_text().splitlines():
            key, _, upload = line.rpartition(" ")
            found.setdefault(key, set()).add(upload)
        return found

    def upload(client: CosS3Client, name: str) -> None:
        for n in range(10_000):
            try:
                answer = client.put_object(Bucket=BUCKET.name, Key=f"{name} {n}", Body=b"1" * 50)
            except (CosClientError, CosServiceError):
                return  # killed in the middle: it may or may not have been written
            accepted[f"{name} {n}"] = answer["x-cos-request-id"]

    for run in range(6):
        process, client = start()
        threads = [
            threading.Thread(target=upload, args=(client, f"put {run} {each}")) for each in "ab"
        ]
        try:
            for each in threads:
                each.start()
            (tmp_path / "bucket" / f"copied {run}").write_bytes(b"1")
            time.sleep(0.07 * (run + 1))
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            for each in threads:
                each.join()
    process, _ = start()
    there = {each.name for each in (tmp_path / "bucket").iterdir()} - {".vindrop"}
    try:
        until(lambda: announced().keys() >= there)
    finally:
        process.communicate(b"", timeout=30)
    assert process.returncode == 0
    found = announced()
    assert len(accepted) > 10
    assert there >= accepted.keys()
    assert len([each for each in there if each.startswith("copied")]) == 6
    assert found.keys() == there
    # Delivered twice perhaps, but never as two uploads.
    assert all(len(uploads) == 1 for uploads in found.values())
    assert {key: found[key] for key in accepted} == {k: {v} for k, v in accepted.items()}
