"""The search for secrets in all output (tests/leaks.py) finds them, and nothing else."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests import secrets
from tests.secrets import find

SIGNED = "https://b.cos.ap-guangzhou.myqcloud.com/a.jpg?q-sign-algorithm=sha1&q-signature="
HEX = "0123456789abcdef"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"key is {secrets.VINOCR_KEY}", "planted"),
        (secrets.API_KEY, "planted"),
        (base64.b64encode(f"owner:{secrets.PASSWORD}".encode()).decode(), "Base64"),
        (base64.b64encode(f"an owner:{secrets.PASSWORD}".encode()).decode(), "Base64"),
        (secrets.TENCENT_TOKEN.encode().hex(), "hexadecimal"),
        (SIGNED + HEX * 2 + HEX[:8], "signature of COS"),
        (f"https://x/?u=a.jpg%3Fq-signature%3D{HEX * 3}", "signature of COS"),
        (f"https://b.s3.amazonaws.com/a.jpg?X-Amz-Signature={HEX * 4}", "signature of S3"),
        (f"https://b/a?AWSAccessKeyId=A&Signature={'Ab1%2B' * 5}", "older kind"),
        (f"TC3-HMAC-SHA256 Credential=A/2026-11-07, Signature={HEX * 4}", "Authorization"),
        (f"AWS4-HMAC-SHA256 Credential=A, SignedHeaders=host, Signature={HEX * 4}", "Authoriz"),
        ('"x-cos-security-token": "b8Xk0pQzLw"', "session token"),
        ('{\\"X-TC-Token\\": \\"b8Xk0pQzLw\\"}', "session token"),
        ("&x-amz-security-token=IQoJb3JpZ2luX2Vj", "session token"),
        ("Authorization: Bearer b8Xk0pQzLw", "bearer"),
        ("postgresql://owner:hunter2@db:5432/vindrop", "password in a URL"),
    ],
)
def test_a_secret_is_found_and_not_shown_again(text: str, kind: str) -> None:
    found = find(f"a line before\nreason: {text} and more".encode())
    assert kind in found[0].kind
    assert text not in found[0].before
    assert found[0].before.startswith("reason: ")


@pytest.mark.parametrize(
    "text",
    [
        "https://b.cos.ap-guangzhou.myqcloud.com/a.jpg?…",
        "q-signature=… x-cos-security-token=… Signature=…",
        "postgresql://…@db:5432/vindrop http://127.0.0.1:80/a@b",
        "send it as Authorization: Bearer KEY",
        "TENCENTCLOUD_SESSIONTOKEN X-Amz-Signature is wrong",
    ],
)
def test_what_is_cut_out_or_only_named_is_no_secret(text: str) -> None:
    assert find(text.encode()) == []


SUITE = """
import logging, pathlib, sqlite3, subprocess, sys
import pytest
from tests.leaks import heard
from tests.secrets import PASSWORD, SIGNED_URL, TENCENT_KEY

def runs(what):
    return [sys.executable, "-c", "from tests.secrets import VINOCR_KEY as k; import os, sys; " + what]

@pytest.fixture
def loud():
    print(SIGNED_URL)

def leaks_printed(): print(SIGNED_URL)
def leaks_on_stderr(): print(TENCENT_KEY, file=sys.stderr)
def leaks_logged(): logging.getLogger("x").warning("with %s", PASSWORD)
def leaks_caplog_cleared(caplog): logging.getLogger("x").warning(PASSWORD); caplog.clear()
def leaks_taken_by_capsys(capsys): print(PASSWORD); capsys.readouterr()
def leaks_in_fixture(loud): pass
def leaks_inherited(): subprocess.run(runs("print(k)"), check=True)
def leaks_run(): subprocess.run(runs("print(k, file=sys.stderr)"), capture_output=True, text=True)
def leaks_pipe():
    with subprocess.Popen(runs("print(k)"), stdout=subprocess.PIPE) as process:
        process.stdout.readline()
def leaks_lines():
    process = subprocess.Popen(runs("print(1); print(k)"), stdout=subprocess.PIPE)
    with process.stdout as lines:
        assert len(list(lines)) == 2
    process.wait()
def leaks_log_file(tmp_path_factory):
    with (tmp_path_factory.getbasetemp() / "server.log").open("ab") as log:
        subprocess.run(runs("print(k)"), stdout=log, stderr=subprocess.STDOUT, check=True)
def leaks_database(tmp_path):
    with sqlite3.connect(tmp_path / "x.db") as database:
        database.execute("CREATE TABLE t (c TEXT)")
        database.execute("INSERT INTO t VALUES (?)", (PASSWORD,))
def leaks_shared_folder(tmp_path_factory):
    (tmp_path_factory.mktemp("shared") / "out.jsonl").write_text(PASSWORD)
def leaks_message(): heard("a message", PASSWORD)
def leaks_own_key(tmp_path):
    (tmp_path / "account.json").write_text('{"id": "AKIDx0x0", "key": "f3a9c1d2e4"}')
    print("signed with f3a9c1d2e4")

def quiet_inputs(tmp_path):
    (tmp_path / "faults.json").write_text(PASSWORD)
def quiet_link(tmp_path):
    (tmp_path / "api-key").write_text("Zm9vYmFyYmF6")
    print("open http://127.0.0.1:1/capture#key=Zm9vYmFyYmF6")
def quiet_redacted(tmp_path, capsys):
    print("https://b/a.jpg?… q-signature=…"); capsys.readouterr()
    assert subprocess.run(runs("print(len(k))"), capture_output=True, text=True).stdout == "32\\n"
    with subprocess.Popen(runs("print(len(k))"), stdout=subprocess.PIPE, text=True) as process:
        assert process.communicate()[0] == "32\\n"
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_test_that_leaks_fails(root: Path, workers: str) -> None:
    """A suite of its own, in a folder that this suite's search does not see."""
    cases = [line.split("(")[0][4:] for line in SUITE.splitlines() if line.startswith("def ")]
    wanted = {name: name.startswith("leaks") for name in cases if "_" in name}
    with tempfile.TemporaryDirectory() as folder:
        for name in wanted:  # a module each, since some leaks are found where a module ends
            Path(folder, f"test_{name}.py").write_text(f"{SUITE}\ntest_{name} = {name}\n")
        (Path(folder) / "pytest.ini").write_text("[pytest]\n")
        ran = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-p", "tests.leaks", "-n", workers, "-rA"),
                *("--show-capture=no", f"--basetemp={folder}/temp", folder),
            ],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(root), "PYTEST_ADDOPTS": ""},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    said = ran.stdout + ran.stderr
    ended = {name: f"PASSED test_{name}.py::test_{name}" in said for name in wanted}
    leaked = {
        name: any(f"{word} test_{name}.py::test_{name}" in said for word in ("FAILED", "ERROR"))
        for name in wanted
    }
    assert leaked == wanted, said
    assert {name for name, passed in ended.items() if passed} >= {
        name for name, leaks in wanted.items() if not leaks
    }
    assert said.count("A secret came out (tests/leaks.py)") >= sum(wanted.values())
