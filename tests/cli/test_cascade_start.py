"""What cannot work in a cascade is one sentence before anything starts, and one that failed is named."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.commands import vindrop

PHOTO = Path(__file__).parents[2] / "events" / "photos" / "plate-04.jpg"
OWN = "own=inprocess:"
CLOUD = "cloud=https://ocr.tencentcloudapi.com?price=0.02"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"VINDROP_RECOGNIZERS": f"{OWN} cloud=ocr.tencentcloudapi.com?price=0,02"}, "'02' in it"),
        ({"VINDROP_RECOGNIZERS": f"{OWN}?colour=red"}, "an option 'colour'"),
        ({"VINDROP_RECOGNIZERS": OWN, "VINDROP_CASCADE": "agree"}, "two must agree"),
        ({"VINDROP_RECOGNIZERS": OWN, "VINDROP_SURE": "2"}, "VINDROP_SURE is '2'"),
        ({"VINDROP_RECOGNIZERS": OWN, "VINDROP_CASCADE_WAIT": "x"}, "VINDROP_CASCADE_WAIT is 'x'"),
        ({"VINDROP_RECOGNIZERS": "own=http://127.0.0.1:9"}, "has no keys"),
        (
            {"VINDROP_RECOGNIZERS": CLOUD, "VINDROP_RECOGNIZER_KEYS": "other=id:key"},
            "keys for 'other'",
        ),
        ({"VINDROP_RECOGNIZERS": f"{CLOUD}&keys=OWN"}, "set OWN_SECRET_ID and OWN_SECRET_KEY"),
        ({"VINDROP_RECOGNIZERS": CLOUD}, "no keys for cloud: give them in VINDROP_RECOGNIZER_KEYS"),
        (
            {"VINDROP_RECOGNIZERS": CLOUD, "VINDROP_RECOGNIZER_KEYS": "cloud=id:k\u00e9y"},
            "VINDROP_RECOGNIZER_KEYS for 'cloud'",
        ),
    ],
)
@pytest.mark.parametrize("command", [["up"], ["recognize", str(PHOTO)]], ids=["up", "recognize"])
def test_settings_that_cannot_work_are_one_sentence_and_nothing_starts(
    tmp_path: Path, command: list[str], given: dict[str, str], says: str
) -> None:
    done = vindrop(*command, cwd=tmp_path, **given)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    assert done.stderr.count("\n") == 1
    assert says in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_functions_of_up_have_no_role_whatever_the_environment_holds(tmp_path: Path) -> None:
    role = {"TENCENTCLOUD_SECRETID": "AKIDrole", "TENCENTCLOUD_SECRETKEY": "role-key"}
    done = vindrop("up", cwd=tmp_path, VINDROP_RECOGNIZERS=CLOUD, **role)
    assert done.returncode == 2
    assert "no keys for cloud" in done.stderr


class _Refusing(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        text = (
            b'{"Response": {"Error": {"Code": "AuthFailure.SignatureFailure", "Message": "no"}, '
            b'"RequestId": "r-1"}}'
        )
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_recognize_names_the_code_of_who_did_not_answer(tmp_path: Path) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cloud = f"cloud=http://127.0.0.1:{server.server_address[1]}"
        given = {"VINDROP_RECOGNIZER_KEYS": "cloud=id:key", "VINDROP_CASCADE": "agree"}
        both = vindrop(
            "recognize", str(PHOTO), cwd=tmp_path, VINDROP_RECOGNIZERS=f"{OWN} {cloud}", **given
        )
        none = vindrop(
            "recognize",
            str(PHOTO.with_name("no-vin-shop-front.jpg")),
            cwd=tmp_path,
            VINDROP_RECOGNIZERS=f"{OWN} {cloud}",
            VINDROP_RECOGNIZER_KEYS="cloud=id:key",
        )
        server.shutdown()
    assert both.stdout.rstrip().endswith("own  cloud AuthFailure.SignatureFailure"), both.stdout
    assert "AuthFailure.SignatureFailure" in none.stdout
