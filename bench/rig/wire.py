"""Damaged HTTP requests over sockets to our own VinOCR, a real server, and what it may answer."""

from __future__ import annotations

import hashlib
import json
import random
import select
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from multiprocessing.util import Finalize
from pathlib import Path

import h11

from bench.rig.mutants import WrongError, damaged, text
from tests.vinocr.vinocr_support import ID, KEY, b64, photo, stub_reader
from vinocr.api import signature
from vinocr.api.codes import MESSAGES
from vinocr.launcher import ServerProcess
from vinocr.serve.http_protocol import Connection


def wire() -> Callable[[random.Random], str]:
    """HTTP requests over sockets to our own VinOCR, a real server whose readers only wait."""
    folder = Path(tempfile.mkdtemp(prefix="vindrop-wire-"))
    Finalize(None, shutil.rmtree, (folder,), {"ignore_errors": True}, exitpriority=1)
    log = folder / "log.jsonl"
    texts = stub_reader(folder) | {"VINOCR_RATE": "100000", "VINOCR_HEAD_SECONDS": "5"}
    # Of a proxy, refusals are not held: otherwise each would take two seconds.
    texts["VINOCR_PROXIES"] = "127.0.0.1/32"
    server = ServerProcess.start(texts, log=log)
    server.wait_ready()
    image = photo(size=(120, 30))
    plain = {"ImageBase64": b64(image)}
    seen = [0]

    def one(dice: random.Random) -> str:
        body = json.dumps(plain).encode()
        kind = "application/json"
        if dice.random() < 0.3:
            kind = "multipart/form-data; boundary=b"
            body = b'--b\r\nContent-Disposition: form-data; name="ImageBase64"\r\n\r\n'
            body += b64(image).encode() + b"\r\n--b--\r\n"
        if dice.random() < 0.6:
            body = damaged(body, dice)
        raw = _signed(body, kind, server.endpoint, dice)
        if dice.random() < 0.5:
            raw = damaged(raw, dice)
        if dice.random() < 0.05:
            raw = raw + damaged(raw, dice)
        ended = _answered(_exchange(server, raw))
        seen[0] += 1
        if seen[0] % 2000 == 0:
            _check_server(server, log)
        return ended

    return one


def _signed(body: bytes, kind: str, host: str, dice: random.Random) -> bytes:
    now = int(time.time())
    headers = {"content-type": kind, "host": host}
    digest = hashlib.sha256(body).hexdigest()
    date = signature.utc_date(now)
    canonical = signature.canonical_request("POST", "", headers.items(), digest)
    sign = signature.tc3_signature(KEY, now, date, "ocr", canonical)
    headers |= {
        "authorization": f"TC3-HMAC-SHA256 Credential={ID}/{date}/ocr/tc3_request, "
        f"SignedHeaders=content-type;host, Signature={sign}",
        "x-tc-action": "VinOCR",
        "x-tc-version": "2018-11-19",
        "x-tc-timestamp": str(now),
        "connection": "close",
    }
    for _ in range(dice.randrange(3)):
        name = dice.choice([*headers, "x-tc-language", "x-tc-token", "expect", "x-tc-traceid"])
        headers[name] = text(dice).encode("utf-8", "replace").decode("latin-1")
    chunked = dice.random() < 0.3
    headers |= {"transfer-encoding": "chunked"} if chunked else {"content-length": str(len(body))}
    path = dice.choice(["/"] * 6 + ["/v1/vin", "/healthz", "/metrics", "/nowhere", "//", "/?a=%zz"])
    head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{n}: {v}\r\n" for n, v in headers.items())
    if chunked:
        step_size = dice.randint(20, 3000)
        parts = [body[at : at + step_size] for at in range(0, len(body), step_size)]
        body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    return head.encode("latin-1") + b"\r\n" + body


def _exchange(server: ServerProcess, raw: bytes) -> bytes:
    """Send a request and return all that comes back until the server hangs up.

    :raises WrongError: it neither answers nor hangs up.
    """
    answer, ending = b"", not _is_whole(raw)  # or the server would wait for the rest
    with socket.create_connection((server.host, server.port), timeout=30) as line:
        try:
            line.sendall(raw)
            while True:
                if ending:
                    line.shutdown(socket.SHUT_WR)
                block = line.recv(65536)
                if not block:
                    return answer
                answer += block
                if not ending:  # a line kept open after its answer would be waited for
                    ending = not select.select([line], [], [], 0.02)[0]
        except TimeoutError:
            raise WrongError(f"no end of the answer in 30 s: {answer[:80]!r}") from None
        except OSError:  # it has hung up
            return answer


def _is_whole(raw: bytes) -> bool:
    """Whether a server has all of a request, or has seen that it is none."""
    if not raw:
        return False
    connection = Connection()
    try:
        connection.receive_data(raw)
        while (event := connection.next_event()) is not h11.NEED_DATA:
            if isinstance(event, h11.EndOfMessage) or event is h11.PAUSED:
                return True
    except h11.RemoteProtocolError:
        return True
    return False


def _answered(answer: bytes) -> str:
    if not answer:
        return "hung up"  # the request broke off before its end
    answer = answer.removeprefix(b"HTTP/1.1 100 \r\n\r\n").removeprefix(
        b"HTTP/1.1 100 Continue\r\n\r\n"
    )
    status = answer[9:12].decode("latin-1")
    if not answer.startswith(b"HTTP/1.1 ") or (status != "200" and status[:1] != "4"):
        raise WrongError(f"the server answered {answer[:200]!r}")
    if status != "200" or b'"Response"' not in answer:
        return f"status {status}"
    body = answer.partition(b"\r\n\r\n")[2].partition(b"HTTP/1.1 ")[0]
    response = json.loads(body)["Response"]
    code = str(response.get("Error", {}).get("Code", "Success"))
    if (
        not response["RequestId"]
        or (code != "Success" and code not in MESSAGES)
        or code == "InternalError"
    ):
        raise WrongError(f"the API answered {response}")
    return code.partition(".")[0]


def _check_server(server: ServerProcess, log: Path) -> None:
    """Look at log and memory of the server, which are a part of how it ended."""
    said = log.read_text()
    log.write_text("")
    for line in said.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue  # it is being written
        if event.get("level") == "error" or event["event"] == "internal_error":
            raise WrongError(f"the server's log says {line[:300]}")
    pages = int(Path(f"/proc/{server.process.pid}/statm").read_text().split()[1])
    if pages * 4096 > 400e6:
        raise WrongError(f"the server holds {pages * 4096 / 1e6:.0f} MB")
