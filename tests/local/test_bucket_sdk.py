"""The bucket, as COS's official SDK sees it."""

from __future__ import annotations

import hashlib
import os
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from qcloud_cos import CosConfig, CosS3Client
from qcloud_cos.cos_exception import CosServiceError

from tests import secrets
from vindrop_local.bucket import Account, Bucket, BucketServer

BUCKET = "photos-1250000000"
OTHER = "scans-1250000000"
REGION = "ap-guangzhou"
TEMPORARY: dict[str, Any] = {
    "SecretId": "AKIDPLANTEDtemporary",
    "SecretKey": "PLANTEDtemporaryKey",
    "Token": secrets.TENCENT_TOKEN,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BucketServer]:
    folder = tmp_path_factory.mktemp("buckets")
    buckets = [Bucket(BUCKET, REGION, folder / "a"), Bucket(OTHER, "ap-beijing", folder / "b")]
    accounts = [
        Account(secrets.TENCENT_ID, secrets.TENCENT_KEY),
        Account(TEMPORARY["SecretId"], TEMPORARY["SecretKey"], token=TEMPORARY["Token"]),
    ]
    with BucketServer(buckets, accounts, folder / "state.sqlite", poll_seconds=0.05) as running:
        yield running


def connect(server: BucketServer, *, region: str = REGION, **more: Any) -> CosS3Client:
    keys = {"SecretId": secrets.TENCENT_ID, "SecretKey": secrets.TENCENT_KEY, **more}
    where = {"Scheme": "http", "IP": "127.0.0.1", "Port": server.ports[BUCKET]}
    return CosS3Client(CosConfig(Region=region, **where, **keys), retry=0)


@pytest.fixture
def client(server: BucketServer) -> CosS3Client:
    return connect(server)


def refusal(call: Any) -> tuple[int, str, str]:
    with pytest.raises(CosServiceError) as caught:
        call()
    error = caught.value
    return error.get_status_code(), error.get_error_code(), error.get_error_msg()


KEYS = [
    "plain.jpg",
    "day 1/a b.jpg",
    "plus+sign.jpg",
    "per%cent%20.jpg",
    "车架号/照片 一.jpg",
    "🚗/🔢.jpg",
    "a//b.jpg",
    "folder/",
    ".hidden",
    ".vindrop/tmp/x",
    ".VINDROP",
    "../../escape.jpg",
    "a./b",
    "tail. ",
    "x" * 300 + "/" + "y" * 700,
    "号" * 341,
    "&<>\"'?#=;.jpg",
    "line\nbreak\ttab",
    "con/trol\x01\x7f",
    "\\back\\slash",
]


@pytest.mark.parametrize("key", KEYS, ids=lambda key: ascii(key)[:30])
def test_any_key_is_written_read_listed_and_deleted(
    client: CosS3Client, server: BucketServer, key: str
) -> None:
    body = os.urandom(300)
    written = client.put_object(
        Bucket=BUCKET, Key=key, Body=body, ContentType="image/x", Metadata={"x-cos-meta-who": "me"}
    )
    assert written["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    read = client.get_object(BUCKET, key)
    assert read["Body"].get_raw_stream().read() == body
    assert (read["Content-Type"], read["x-cos-meta-who"]) == ("image/x", "me")
    head = client.head_object(BUCKET, key)
    assert (head["Content-Length"], head["ETag"]) == ("300", written["ETag"])
    assert key in keys_of(client.list_objects(BUCKET))
    base = server.buckets[0].folder.parent
    outside = [p for p in base.iterdir() if p.name not in {"a", "b"} and "state" not in p.name]
    assert outside == []
    client.delete_object(BUCKET, key)
    assert key not in keys_of(client.list_objects(BUCKET))
    assert refusal(lambda: client.head_object(BUCKET, key))[0] == 404
    assert refusal(lambda: client.get_object(BUCKET, key))[:2] == (404, "NoSuchKey")


def keys_of(listed: dict[str, Any]) -> list[str]:
    return [each["Key"] for each in listed.get("Contents", [])]


def test_a_key_and_a_key_below_it_live_side_by_side(client: CosS3Client) -> None:
    for key in ("both", "both/below", "other/deep/er", "other/deep", "other"):
        client.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
    for key in ("both", "both/below", "other/deep/er", "other/deep", "other"):
        assert client.get_object(BUCKET, key)["Body"].get_raw_stream().read() == key.encode()
        client.delete_object(BUCKET, key)


def test_a_key_of_more_than_1024_bytes_is_refused(client: CosS3Client) -> None:
    code = refusal(lambda: client.put_object(Bucket=BUCKET, Key="号" * 342, Body=b"x"))
    assert code[:2] == (400, "KeyTooLong")


def test_listing_in_pages_with_prefix_and_delimiter(server: BucketServer) -> None:
    client = connect(server, region="ap-beijing")
    keys = sorted(
        [f"p/{folder}/{n}.jpg" for folder in ("a b", "ä", "车", "+") for n in range(5)]
        + ["p/one", "p/two", "q/no", "p-not"],
        key=str.encode,
    )
    for key in keys:
        client.put_object(Bucket=OTHER, Key=key, Body=b"1")
    found: list[str] = []
    marker = ""
    while True:
        page = client.list_objects(OTHER, MaxKeys=4, Marker=marker)
        assert len(keys_of(page)) <= 4
        found += keys_of(page)
        if page["IsTruncated"] == "false":
            break
        marker = page["NextMarker"]
    assert found == keys

    entries: list[str] = []
    folders: list[str] = []
    marker, pages = "", 0
    while True:
        page = client.list_objects(OTHER, Prefix="p/", Delimiter="/", MaxKeys=2, Marker=marker)
        entries += keys_of(page)
        folders += [each["Prefix"] for each in page.get("CommonPrefixes", [])]
        pages += 1
        if page["IsTruncated"] == "false":
            break
        marker = page["NextMarker"]
    assert entries == ["p/one", "p/two"]
    assert folders == ["p/+/", "p/a b/", "p/ä/", "p/车/"]
    assert pages == 3
    assert keys_of(client.list_objects(OTHER, Prefix="p-")) == ["p-not"]
    assert refusal(lambda: client.list_objects(OTHER, MaxKeys="many"))[:2] == (
        400,
        "InvalidArgument",
    )
    assert "Contents" not in client.list_objects(OTHER, Prefix="nothing")


def test_ranges(client: CosS3Client) -> None:
    client.put_object(Bucket=BUCKET, Key="r", Body=b"0123456789")
    for asked, body, shown in (
        ("bytes=2-4", b"234", "bytes 2-4/10"),
        ("bytes=8-", b"89", "bytes 8-9/10"),
        ("bytes=-3", b"789", "bytes 7-9/10"),
        ("bytes=5-500", b"56789", "bytes 5-9/10"),
    ):
        part = client.get_object(BUCKET, "r", Range=asked)
        assert part["Body"].get_raw_stream().read() == body
        assert part["Content-Range"] == shown
    assert refusal(lambda: client.get_object(BUCKET, "r", Range="bytes=10-"))[:2] == (
        416,
        "InvalidRange",
    )


def test_conditions(client: CosS3Client) -> None:
    etag = client.put_object(Bucket=BUCKET, Key="c", Body=b"1")["ETag"]
    assert client.get_object(BUCKET, "c", IfMatch=etag)["ETag"] == etag
    assert refusal(lambda: client.get_object(BUCKET, "c", IfMatch='"no"'))[:2] == (
        412,
        "PreconditionFailed",
    )
    # The SDK's get_object stumbles over any 304; its head_object does not.
    unchanged = client.head_object(BUCKET, "c", IfNoneMatch=etag)
    assert (unchanged["ETag"], unchanged.get("Content-Length")) == (etag, None)


def test_a_wrong_md5_leaves_nothing_behind(client: CosS3Client, server: BucketServer) -> None:
    wrong = "1B2M2Y8AsgTpgAmY7PhCfg=="
    put = lambda: client.put_object(Bucket=BUCKET, Key="md5", Body=b"1", ContentMD5=wrong)  # noqa: E731
    assert refusal(put)[:2] == (400, "BadDigest")
    assert refusal(lambda: client.head_object(BUCKET, "md5"))[0] == 404
    assert list((server.buckets[0].folder / ".vindrop" / "tmp").iterdir()) == []
    client.put_object(Bucket=BUCKET, Key="md5", Body=b"1", EnableMD5=True)


def test_metadata_has_its_limit(client: CosS3Client) -> None:
    large = {"x-cos-meta-a": "x" * 2100}
    put = lambda: client.put_object(Bucket=BUCKET, Key="meta", Body=b"1", Metadata=large)  # noqa: E731
    assert refusal(put)[:2] == (400, "MetadataTooLarge")


def test_what_must_not_be_overwritten_is_not(server: BucketServer, client: CosS3Client) -> None:
    client.put_object(Bucket=BUCKET, Key="once", Body=b"1")
    keep = {"x-cos-forbid-overwrite": "true"}
    put = lambda: client.put_object(Bucket=BUCKET, Key="once", Body=b"2", Metadata=keep)  # noqa: E731
    assert refusal(put)[:2] == (409, "FileAlreadyExists")
    assert client.get_object(BUCKET, "once")["Body"].get_raw_stream().read() == b"1"


def test_copy_between_buckets_and_with_new_metadata(
    client: CosS3Client, server: BucketServer
) -> None:
    beijing = connect(server, region="ap-beijing")
    beijing.put_object(Bucket=OTHER, Key="from 车+", Body=b"copied", Metadata={"x-cos-meta-a": "1"})
    source = {"Bucket": OTHER, "Key": "from 车+", "Region": "ap-beijing"}
    answer = client.copy_object(BUCKET, "to", source)
    assert answer["ETag"] == f'"{hashlib.md5(b"copied").hexdigest()}"'
    assert client.head_object(BUCKET, "to")["x-cos-meta-a"] == "1"
    client.copy_object(BUCKET, "to2", source, CopyStatus="Replaced", Metadata={"x-cos-meta-b": "2"})
    head = client.head_object(BUCKET, "to2")
    assert (head["x-cos-meta-b"], head.get("x-cos-meta-a")) == ("2", None)
    gone = {**source, "Key": "gone"}
    assert refusal(lambda: client.copy_object(BUCKET, "to", gone))[:2] == (404, "NoSuchKey")


def test_deleting_many(client: CosS3Client) -> None:
    for key in ("d/1", "d/2 ü", "d/3"):
        client.put_object(Bucket=BUCKET, Key=key, Body=b"")
    objects = {"Object": [{"Key": "d/1"}, {"Key": "d/2 ü"}]}
    answer = client.delete_objects(BUCKET, Delete=objects)
    assert [each["Key"] for each in answer["Deleted"]] == ["d/1", "d/2 ü"]
    assert keys_of(client.list_objects(BUCKET, Prefix="d/")) == ["d/3"]


def test_multipart_upload_by_the_sdks_own_uploader(client: CosS3Client, tmp_path: Path) -> None:
    body = os.urandom(3 * 1024 * 1024 + 17)
    (tmp_path / "big").write_bytes(body)
    answer = client.upload_file(BUCKET, "multi 1", str(tmp_path / "big"), PartSize=1, MAXThread=2)
    digests = [
        hashlib.md5(body[at : at + 1024 * 1024]).digest() for at in range(0, len(body), 1024 * 1024)
    ]
    joined = hashlib.md5(b"".join(digests)).hexdigest()
    assert answer["ETag"] in {f'"{joined}-4"', f'"{hashlib.md5(body).hexdigest()}"'}
    assert client.get_object(BUCKET, "multi 1")["Body"].get_raw_stream().read() == body


def test_multipart_upload_step_by_step(client: CosS3Client, server: BucketServer) -> None:
    megabyte = 1024 * 1024
    begun = client.create_multipart_upload(BUCKET, "m/2", Metadata={"x-cos-meta-m": "车"})
    upload = begun["UploadId"]
    one = client.upload_part(BUCKET, "m/2", b"1" * megabyte, 1, upload)
    client.upload_part(BUCKET, "m/2", b"x" * megabyte, 2, upload)
    two = client.upload_part(BUCKET, "m/2", b"2" * 5, 2, upload)
    listed = client.list_parts(BUCKET, "m/2", upload)
    assert [(p["PartNumber"], p["Size"]) for p in listed["Part"]] == [
        ("1", str(megabyte)),
        ("2", "5"),
    ]
    uploads = client.list_multipart_uploads(BUCKET, Prefix="m/")["Upload"]
    assert [each["UploadId"] for each in uploads] == [upload]
    assert refusal(lambda: client.head_object(BUCKET, "m/2"))[0] == 404

    def complete(*parts: tuple[int, str]) -> dict[str, Any]:
        body = {"Part": [{"PartNumber": n, "ETag": etag} for n, etag in parts]}
        done: dict[str, Any] = client.complete_multipart_upload(BUCKET, "m/2", upload, body)
        return done

    assert refusal(lambda: complete((1, '"0"')))[:2] == (400, "InvalidPart")
    backwards = refusal(lambda: complete((2, two["ETag"]), (1, one["ETag"])))
    assert backwards[:2] == (400, "InvalidPartOrder")
    done = complete((1, one["ETag"]), (2, two["ETag"]))
    assert done["ETag"].endswith('-2"')
    read = client.get_object(BUCKET, "m/2")
    assert read["Body"].get_raw_stream().read() == b"1" * megabyte + b"2" * 5
    assert read["x-cos-meta-m"].encode("latin-1").decode() == "车"
    assert refusal(lambda: complete((1, one["ETag"])))[:2] == (404, "NoSuchUpload")
    assert list((server.buckets[0].folder / ".vindrop" / "multipart").iterdir()) == []


def test_a_small_part_in_the_middle_and_an_aborted_upload(client: CosS3Client) -> None:
    upload = client.create_multipart_upload(BUCKET, "m/3")["UploadId"]
    parts = [
        {"PartNumber": n, "ETag": client.upload_part(BUCKET, "m/3", b"1", n, upload)["ETag"]}
        for n in (1, 2)
    ]
    body = {"Part": parts}
    small = refusal(lambda: client.complete_multipart_upload(BUCKET, "m/3", upload, body))
    assert small[:2] == (400, "EntityTooSmall")
    client.abort_multipart_upload(BUCKET, "m/3", upload)
    late = refusal(lambda: client.upload_part(BUCKET, "m/3", b"1", 1, upload))
    assert late[:2] == (404, "NoSuchUpload")


def test_a_part_copied_from_an_object(client: CosS3Client) -> None:
    client.put_object(Bucket=BUCKET, Key="src", Body=b"0123456789")
    upload = client.create_multipart_upload(BUCKET, "m/4")["UploadId"]
    source = {"Bucket": BUCKET, "Key": "src", "Region": REGION}
    part = client.upload_part_copy(BUCKET, "m/4", 1, upload, source, CopySourceRange="bytes=3-5")
    body = {"Part": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    client.complete_multipart_upload(BUCKET, "m/4", upload, body)
    assert client.get_object(BUCKET, "m/4")["Body"].get_raw_stream().read() == b"345"


def test_who_may_not(server: BucketServer) -> None:
    def put(**keys: Any) -> tuple[int, str, str]:
        client = connect(server, **keys)
        return refusal(lambda: client.put_object(Bucket=BUCKET, Key="no", Body=b"1" * 100_000))

    assert put(SecretKey=secrets.WRONG_KEY)[:2] == (403, "SignatureDoesNotMatch")
    assert put(SecretId=secrets.WRONG_ID)[:2] == (403, "InvalidAccessKeyId")
    assert put(**TEMPORARY | {"Token": None})[:2] == (403, "InvalidToken")
    assert put(**TEMPORARY | {"Token": "OLD"})[:2] == (403, "InvalidToken")
    good = connect(server, **TEMPORARY)
    good.put_object(Bucket=BUCKET, Key="token", Body=b"1")
    anonymous = CosS3Client(
        CosConfig(
            Region=REGION, Scheme="http", IP="127.0.0.1", Port=server.ports[BUCKET], Anonymous=True
        ),
        retry=0,
    )
    assert refusal(lambda: anonymous.get_object(BUCKET, "token"))[:2] == (403, "AccessDenied")


def test_other_buckets_other_regions_and_what_a_folder_cannot(
    server: BucketServer, client: CosS3Client
) -> None:
    assert refusal(lambda: client.list_objects("none-1250000000"))[:2] == (404, "NoSuchBucket")
    moved = connect(server, region="ap-shanghai")
    assert refusal(lambda: moved.list_objects(BUCKET))[:2] == (404, "NoSuchBucket")
    assert client.bucket_exists(BUCKET)
    assert not client.bucket_exists("none-1250000000")
    assert refusal(lambda: client.create_bucket(BUCKET))[1] == "BucketAlreadyOwnedByYou"
    assert refusal(lambda: client.delete_bucket(BUCKET))[1] == "AccessDenied"
    assert refusal(lambda: client.get_object_acl(BUCKET, "x"))[:2] == (501, "NotImplemented")


def fetch(url: str, method: str = "GET", body: bytes | None = None) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, method=method)) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


@pytest.mark.parametrize("key", ["s.jpg", "a b+%/车.jpg"])
def test_signed_urls_work_without_dns_until_they_expire(
    server: BucketServer, client: CosS3Client, key: str
) -> None:
    url = client.get_presigned_url(BUCKET, key, "PUT", Expired=60)
    assert url.startswith(server.url(BUCKET) + "/")
    assert fetch(url, "PUT", b"signed")[0] == 200
    url = client.get_presigned_url(
        BUCKET, key, "GET", 60, Params={"response-content-type": "image/a b"}
    )
    assert fetch(url) == (200, b"signed")
    assert fetch(url.replace("a+b", "evil"))[0] == 403
    assert fetch(url, "PUT", b"other")[0] == 403
    assert fetch(url.partition("?")[0])[0] == 403
    other = url.replace(f":{server.ports[BUCKET]}", f":{server.ports[OTHER]}")
    assert fetch(other)[0] == 404, "the other port stands for the other bucket"
    # A URL signed a minute ago (that is how the SDK begins it) whose time is over.
    status, answer = fetch(client.get_presigned_url(BUCKET, key, "GET", Expired=-1))
    assert status == 403
    assert b"<Code>AccessDenied</Code>" in answer
    assert b"<Message>Request has expired</Message>" in answer
    assert b"q-signature" not in answer


def test_a_temporary_keys_url_needs_its_token(server: BucketServer) -> None:
    client = connect(server, **TEMPORARY)
    client.put_object(Bucket=BUCKET, Key="t", Body=b"t")
    assert fetch(client.get_presigned_url(BUCKET, "t", "GET"))[0] == 403
    url = client.get_presigned_url(
        BUCKET, "t", "GET", Params={"x-cos-security-token": TEMPORARY["Token"]}
    )
    assert fetch(url) == (200, b"t")


def test_an_error_says_what_cos_says(client: CosS3Client) -> None:
    with pytest.raises(CosServiceError) as caught:
        client.get_object(BUCKET, "not there")
    error = caught.value
    assert error.get_error_code() == "NoSuchKey"
    assert error.get_resource_location() == f"{BUCKET}.cos.{REGION}.myqcloud.com/not%20there"
    assert error.get_request_id()
    assert error.get_trace_id()


def test_a_file_copied_in_can_be_read_and_one_being_copied_cannot(
    server: BucketServer, client: CosS3Client
) -> None:
    folder = server.buckets[0].folder
    growing = (folder / "growing.jpg").open("wb")
    with growing:
        growing.write(b"half")
        growing.flush()
        assert refusal(lambda: client.get_object(BUCKET, "growing.jpg"))[1] == "NoSuchKey"
        growing.write(b" and half")
    assert client.get_object(BUCKET, "growing.jpg")["Body"].get_raw_stream().read() == (
        b"half and half"
    )
    head = client.head_object(BUCKET, "growing.jpg")
    assert head["Content-Type"] == "image/jpeg"
    (folder / "growing.jpg").unlink()
    deadline = time.monotonic() + 10
    while "growing.jpg" in keys_of(client.list_objects(BUCKET)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert refusal(lambda: client.head_object(BUCKET, "growing.jpg"))[0] == 404


def test_links_lead_nowhere(server: BucketServer, client: CosS3Client, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"outside")
    folder = server.buckets[0].folder
    (folder / "link").symlink_to(tmp_path)
    (folder / "file-link").symlink_to(tmp_path / "secret")
    for key in ("link/secret", "file-link"):
        assert refusal(lambda key=key: client.get_object(BUCKET, key))[1] == "NoSuchKey"
    client.put_object(Bucket=BUCKET, Key="link/secret", Body=b"inside")
    client.put_object(Bucket=BUCKET, Key="file-link", Body=b"inside")
    assert (tmp_path / "secret").read_bytes() == b"outside"
    assert client.get_object(BUCKET, "link/secret")["Body"].get_raw_stream().read() == b"inside"
    client.delete_object(BUCKET, "link/secret")
    assert (tmp_path / "secret").exists()
