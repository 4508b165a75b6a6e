"""What stands beside an error: candidates where they make sense, and never a reason to fail otherwise."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from vindrop.core.answers import Book, stands
from vindrop.core.ledger import Claim
from vindrop.core.photo import Photo
from vindrop.domain.failures import FailureError
from vindrop.recognizers.vinocr import VinOCR
from vindrop.settings import load

VIN = "WDD2131426L004847"
ERROR = {"Code": "FailedOperation.OcrFailed", "Message": "no VIN"}


class Says(BaseHTTPRequestHandler):
    """A VinOCR that says what it is told to say."""

    body = b""
    cut = 0
    """Bytes of the body that are promised and never come."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.body) + self.cut))
        self.end_headers()
        self.wfile.write(self.body)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    running = ThreadingHTTPServer(("127.0.0.1", 0), Says)
    Thread(target=running.serve_forever, daemon=True).start()
    yield running
    running.shutdown()
    running.server_close()
    Says.cut = 0


def heard(server: ThreadingHTTPServer, response: Any) -> Any:
    Says.body = json.dumps({"Response": response}).encode()
    settings = load(
        {
            "VINDROP_RESULTS": "file:///dev/null",
            "VINDROP_DEAD_LETTERS": "file:///dev/null",
            "VINDROP_LEDGER": "none",
            "VINDROP_VINOCR_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
            "VINDROP_VINOCR_SECRET_ID": "AKIDexample",
            "VINDROP_VINOCR_SECRET_KEY": "example-key",
        }
    )
    with pytest.raises(FailureError) as raised:
        VinOCR(settings).recognize(Photo("bytes", data=b"photo"))
    return raised.value.failure


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([{"Vin": VIN, "Confidence": 0.4}], [(VIN, 0.4)]),
        ([], []),
        ([{"Vin": VIN, "Confidence": 7}, {"Vin": "short", "Confidence": 0.1}, 3, None], []),
        ([{"Vin": VIN, "Confidence": math.nan}], []),
        ([{"Vin": VIN, "Confidence": 0.1}] * 500, [(VIN, 0.1)] * 16),
        ({"Vin": VIN}, None),
        ("garbage", None),
        (None, None),
    ],
)
def test_candidates_are_taken_over_as_far_as_they_make_sense(
    server: ThreadingHTTPServer, told: Any, expected: Any
) -> None:
    failure = heard(server, {"Error": ERROR, "Alternatives": told, "RequestId": "r-1"})
    assert (failure.code, failure.request_id) == (ERROR["Code"], "r-1")
    found = failure.candidates
    assert (None if found is None else [(c.vin, c.confidence) for c in found]) == expected


def test_an_answer_that_breaks_off_tells_no_candidates(server: ThreadingHTTPServer) -> None:
    Says.cut = 9
    failure = heard(server, {"Error": ERROR, "Alternatives": [], "RequestId": "r-1"})
    assert failure.candidates is None
    assert failure.rule.billed is None, "nobody can know"


def test_what_an_earlier_version_kept_of_a_refusal_denies_nothing() -> None:
    """Its readers told no candidates: a VIN of the other one goes out as doubtful, as it did then."""
    kept = {
        "said": [
            {"name": "own", "final": True, "code": ERROR["Code"], "message": "no VIN"},
            {"name": "cloud", "final": True, "text": VIN, "request_id": "r-1", "billed": 1},
        ]
    }
    book = Book.of(Claim("me", 1, 1, 0.0, answers=json.dumps(kept)))
    ((said, vin),) = book.answers()
    assert stands(book, said, vin)
    kept["said"][0]["alternatives"] = []
    book = Book.of(Claim("me", 1, 1, 0.0, answers=json.dumps(kept)))
    ((said, vin),) = book.answers()
    assert not stands(book, said, vin)
