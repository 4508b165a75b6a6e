"""Files to redrive, places to backfill and settings are others' text, too: told, and never obeyed."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_terminal import HOSTILE
from tests.commands import vindrop
from tests.library.conftest import a_dead_letter
from vindrop.core.redrive import redrive
from vindrop.core.store_errors import StoreError
from vindrop.destinations import open_destination
from vindrop.domain.records import DeadLetter, to_json
from vindrop.settings import SettingsError, load
from vindrop.stores import open_ledger, sql
from vindrop_local.terminal import json_shown, json_text

BASE = json.loads(to_json(a_dead_letter()))
OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
ESCAPES = "\x1b]0;title\x07\x9b31m\u202e"


def line(*path: str, value: Any) -> bytes:
    """A line of a dead letters' file with one value changed."""
    event = json.loads(json.dumps(BASE))
    at = event
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = value
    return json.dumps(event).encode() + b"\n"


REFUSED = {
    "nested deeply": b"[" * 200_000 + b"\n",
    "a field nested deeply": line("data", "message", value=0).replace(
        b'"message": 0', b'"message": ' + b"[" * 100_000 + b"]" * 100_000
    ),
    "no UTF-8": b"\xff\xfe{}\n",
    "no number": line("data", "attempts", value=float("nan")),
    "a number of 6,000 digits": line("data", "attempts", value=0).replace(
        b'"attempts": 0', b'"attempts": ' + b"9" * 6_000
    ),
    "a number that no column holds": line("data", "attempts", value=10**30),
    "a size that no column holds": line("data", "upload", "size", value=10**30),
    "a key with half a surrogate pair": line("data", "upload", "key", value="a\ud800b"),
    "an unknown cloud": line("data", "upload", "cloud", value="http://evil.example"),
    "a moment after the last": line("data", "last_seen", value="9999-12-31T23:59:59-14:00"),
    "a moment before the first": line("data", "first_seen", value="0001-01-01T00:00:00+14:00"),
    "a list for data": line("data", value=[1]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_line_that_is_none_of_ours_is_refused_in_one_sentence(name: str, tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_bytes(REFUSED[name])
    with pytest.raises(StoreError, match="cannot read"):
        list(open_destination(f"file://{path}").records("dead_letters"))  # type: ignore[attr-defined]


def test_a_deeply_nested_line_stops_no_delivery(tmp_path: Path) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_bytes(REFUSED["nested deeply"])
    open_destination(f"file://{path}").put(a_dead_letter())
    assert path.read_bytes().splitlines()[-1] == to_json(a_dead_letter()).encode()


@pytest.mark.parametrize(
    "trace", ["00-a\r\nX-Evil: y", "x" * 500, {"a": 1}, ["a"], "", ESCAPES, "00-" + "a" * 52]
)
def test_a_trace_that_is_none_does_not_get_into_ledger_or_header(
    trace: object, tmp_path: Path
) -> None:
    path = tmp_path / "letters.jsonl"
    path.write_bytes(line("traceparent", value=trace))
    (letter,) = open_destination(f"file://{path}").records("dead_letters")  # type: ignore[attr-defined]
    assert isinstance(letter, DeadLetter)
    assert letter.traceparent is None
    url = f"sqlite:///{tmp_path}/ledger.db"
    (done,) = redrive([letter], open_ledger(url, account="vinocr"))
    sql.forget(url)
    assert done.result == "redriven"


@pytest.mark.parametrize("field", ["code", "message", "request_id", "key"])
def test_foreign_text_in_a_file_is_shown_and_never_obeyed(field: str, tmp_path: Path) -> None:
    where = ("data", "upload", "key") if field == "key" else ("data", field)
    (tmp_path / "letters.jsonl").write_bytes(line(*where, value=f"a{ESCAPES}b"))
    source = ("--from", f"file://{tmp_path}/letters.jsonl")
    identity = next(
        iter(open_destination(source[1]).records("dead_letters"))  # type: ignore[attr-defined]
    ).id
    url = f"sqlite:///{tmp_path}/ledger.db"
    open_ledger(url, account="vinocr").counts()
    sql.forget(url)
    for arguments in (["list"], ["list", "--json"], ["show", identity, "--json", "--ledger", url]):
        done = vindrop("dead-letters", *arguments, *source, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert not OBEYED.search(done.stdout + done.stderr)
        if "--json" in arguments:
            found = json.loads(done.stdout)
            for name in where:
                found = found[name]
            assert found == f"a{ESCAPES}b"


@pytest.mark.parametrize("kind", HOSTILE)
def test_json_holds_nothing_that_a_terminal_acts_upon(kind: str) -> None:
    value = {HOSTILE[kind]: [HOSTILE[kind], "照片 é 🚗"]}
    for indent in (None, 2):
        text = json_text(value, indent=indent)
        assert text.replace("\n", "").isprintable()
        assert json.loads(text) == value
        assert "照片 é 🚗" in text
    assert json.loads(json_shown(json.dumps(value, ensure_ascii=False))) == value


PLACES = [
    ("cos://photos-1250000000/vin/", "x.evil.example/"),
    ("cos://photos-1250000000/vin/", "a@127.0.0.1:8443/"),
    ("cos://photos-1250000000/vin/", "169.254.0.23/latest/?"),
    ("cos://photos-1250000000/vin/", "ap-x\r\nX-Evil: y"),
    ("cos://a@127.0.0.1:8443/vin/", "ap-guangzhou"),
    ("cos://photos-1250000000.evil.example:80/", "ap-guangzhou"),
    ("s3://photos/vin/", "us-east-1.evil.example/#"),
    ("s3://..%2f..%2f/vin/", "us-east-1"),
    ("oss://photos\\@evil.example/vin/", "oss-cn-x"),
    (f"cos://{ESCAPES}/vin/", "ap-guangzhou"),
    ("file:///etc/passwd", "ap-guangzhou"),
    ("http://169.254.169.254/latest", "ap-guangzhou"),
]


@pytest.mark.parametrize(("place", "region"), PLACES)
def test_a_place_that_is_no_bucket_is_never_asked(place: str, region: str, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/v.db"
    keys = dict.fromkeys(("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"), "planted-key")  # fmt: skip
    settings = dict.fromkeys(
        ("VINDROP_RESULTS", "VINDROP_DEAD_LETTERS", "VINDROP_LEDGER"), database
    )
    done = vindrop(
        "backfill", place, "--region", region, "--dry-run", cwd=tmp_path, **settings, **keys
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert not OBEYED.search(done.stdout + done.stderr)
    assert "cannot be listed" not in done.stderr  # it was asked


@pytest.mark.parametrize(
    "url",
    ["sqlite://[x/y", "file://[::1", f"sqlite:///{ESCAPES}/x.db", "sqlite:///x.db\0y", "postgresql://[h/db",
     "mysql://h:port/db", "redis://h:99999/0", "dynamodb://x.evil.example/t", f"kafka://h/{ESCAPES}",
     "https://sqs.us-east-1.evil.example/1/q"],
)  # fmt: skip
@pytest.mark.parametrize("option", ["--from", "--ledger"])
def test_a_url_of_a_store_that_is_none_is_refused_in_one_sentence(
    option: str, url: str, tmp_path: Path
) -> None:
    if "\0" in url:  # no argument holds one: a setting's text may
        return
    known = {"VINDROP_DEAD_LETTERS": "kafka://127.0.0.1:1/t"} if option == "--ledger" else {}
    done = vindrop("dead-letters", "list", option, url, cwd=tmp_path, **known)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert not OBEYED.search(done.stdout + done.stderr)


DATABASE = dict.fromkeys(
    ("VINDROP_RESULTS", "VINDROP_DEAD_LETTERS", "VINDROP_LEDGER"), "sqlite:////tmp/x.db"
)
NO_HOSTS = [
    "h#x", "@h", ":pw@h", "h\r\nX-Evil: y", "h\tx", "h x", "h\\@evil", "h?x", "h;x", "[::1", "[::1]x",
    "h:80:90", "h%2f", "h\0x", "ocr.example\u3002com", "h..x", "-h", "h,evil", "h'", "h:", "h\x85x",
    "*.h", "h:0", "h/path", "[fe80::1%25eth0]", "",
]  # fmt: skip


@pytest.mark.parametrize("host", NO_HOSTS)
@pytest.mark.parametrize("scheme", ["", "http://", "https://"])
@pytest.mark.parametrize("name", ["VINDROP_VINOCR_ENDPOINT", "VINDROP_STORAGE_ENDPOINT"])
def test_an_address_that_is_none_is_refused_at_start(name: str, scheme: str, host: str) -> None:
    if not scheme + host:
        return
    with pytest.raises(SettingsError, match=name) as caught:
        load(DATABASE | {name: scheme + host})
    assert not OBEYED.search(str(caught.value))


@pytest.mark.parametrize(
    "host",
    ["h", "h:8000", "ocr.tencentcloudapi.com", "ocr.intl.tencentcloudapi.com.", "127.0.0.1:9", "[::1]:80",
     "my_service:80", "xn--fiq228c.example/"],
)  # fmt: skip
def test_an_address_is_taken(host: str) -> None:
    assert load(DATABASE | {"VINDROP_VINOCR_ENDPOINT": host}).vinocr_host == host.rstrip("/")
    assert load(DATABASE | {"VINDROP_STORAGE_ENDPOINT": f"http://{host}"}).storage_endpoint


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VINDROP_UPLOAD_BUCKET", "a@b"), ("VINDROP_UPLOAD_BUCKET", "b.evil.example/"),
        ("VINDROP_UPLOAD_REGION", "a@b"), ("VINDROP_UPLOAD_PREFIX", "a\r\nb"),
        ("VINDROP_UPLOAD_PREFIX", "a\x1b[0m"), ("VINDROP_ACCOUNT", "a';--"),
        ("VINDROP_CORS_ORIGINS", "https://h/x"), ("VINDROP_VINOCR_REGION", "ap-x\r\nX-Evil: y"),
        ("VINDROP_RETRY_SECONDS", "inf"), ("VINDROP_MAX_AGE", "inf"), ("VINDROP_CASCADE_WAIT", "1e300"),
        ("VINDROP_DAILY_CALLS", "9" * 30), ("VINDROP_MAX_MEGAPIXELS", "nan"),
    ],
)  # fmt: skip
def test_a_setting_that_no_host_header_or_column_takes_is_refused(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=name) as caught:
        load(DATABASE | {name: value})
    assert not OBEYED.search(str(caught.value))
