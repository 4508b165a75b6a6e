"""Damaged and hostile inputs of four kinds, and what each must do with every one of them.

A target makes the input of a number (the same for the same seed) and gives it to the real parser,
function or server. It returns one word for how that ended, and raises where it ended in no way that
is allowed.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import json
import os
import random
import select
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import h11

from bench import mutate
from tests.http import events as gateways
from tests.triggers import payloads
from tests.triggers.test_fuzz import SEEDS
from tests.vinocr.vinocr_support import ID, KEY, b64, photo, stub_reader
from vindrop import http, settings
from vindrop.clouds import store_for
from vindrop.core.invocation import Invocation
from vindrop.core.store_errors import StoreError
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import Upload
from vindrop.triggers import UnknownEventError, read, step
from vinocr.api import image_checks, signature
from vinocr.api.codes import MESSAGES, ApiError
from vinocr.launcher import ServerProcess
from vinocr.reader.answer import ImageError
from vinocr.reader.decode import decode
from vinocr.serve.http_protocol import Connection

HOSTILE: Final = [
    "", "/", "%", "%E4%B8", "a+b", "\ud83d", "\0", "null", "{}", "[", "-1", "9" * 400, "http://[",
    "x" * 2000, "x.evil.example/", "169.254.0.23/latest/meta-data/?", "a@127.0.0.1:8443/", "[::1]",
    "evil.example#", "..", "../..", "a\r\nHost: evil.example", "%2e%2e%2f", "'; DROP TABLE x; --",
    "evil\u3002example", "photos-1250000000", "ap-guangzhou", "us-east-1", "\x1b]0;x\x07", "=cmd|' /C'!A0",
    "2026-11-22T10:00:00.000Z", "0001-01-01T00:00:00Z", "99999-01-01", "1e999", "NaN", "\u202e", "ａ",
]  # fmt: skip
_NUMBERS: Final = [0, -1, 1, 2**31, 2**63, -(2**63), 10**400, 1e308, -0.0, 0.5, True, False, None]
HOSTS: Final = (".myqcloud.com", ".amazonaws.com", ".amazonaws.com.cn", ".aliyuncs.com")
_NAMES: Final = [
    "Records", "cos", "s3", "events", "oss", "body", "key", "detail", "cloud", "region", "version",
]  # fmt: skip


class WrongError(AssertionError):
    """An input ended in no way that is allowed. ``str()`` says how it ended."""


@dataclass(frozen=True)
class Kind:
    """One kind of input."""

    make: Callable[[], Callable[[random.Random], str]]
    """Opens what is needed, once in each process, and returns the target."""
    seconds: float
    """Most processor time (of a server: clock time) that one input may take."""
    memory_mb: float
    """Most memory that a process may hold over what it held before its first input."""


def value(dice: random.Random, depth: int = 0) -> Any:
    """Return any value that JSON can carry, hostile texts among them."""
    way = dice.random()
    if depth < 3 and way < 0.1:
        return [value(dice, depth + 1) for _ in range(dice.randrange(4))]
    if depth < 3 and way < 0.2:
        return {dice.choice([*_NAMES, text(dice)]): value(dice, depth + 1) for _ in range(3)}
    return dice.choice(_NUMBERS) if way < 0.4 else text(dice)


def text(dice: random.Random) -> str:
    """Return a hostile text, or one of random characters."""
    if dice.random() < 0.7:
        return dice.choice(HOSTILE)
    return "".join(
        chr(dice.choice((dice.randrange(128), dice.randrange(0xFFFF)))) for _ in range(8)
    )


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each container of a tree with each of its keys."""
    items = list(node.items()) if isinstance(node, dict) else list(enumerate(node))
    for name, inner in items:
        yield node, name
        if isinstance(inner, (dict, list)):
            yield from _places(inner)


def changed(tree: Any, seeds: list[Any], dice: random.Random) -> Any:
    """Return a copy of a tree with one to four of its fields replaced, deleted, doubled or wrapped."""
    tree = copy.deepcopy(tree)
    for _ in range(dice.randint(1, 4)):
        found = list(_places(tree)) if isinstance(tree, (dict, list)) else []
        if not found:
            return tree
        holder, name = dice.choice(found)
        way = dice.random()
        if way < 0.15:
            del holder[name]
        elif way < 0.25:
            holder[name] = json.dumps(holder[name], default=str)
        elif way < 0.3:
            holder[name] = copy.deepcopy(dice.choice(seeds))
        elif way < 0.4 and isinstance(holder[name], str):
            holder[name] = damaged(holder[name].encode("utf-8", "replace"), dice).decode("latin-1")
        elif way < 0.45:
            holder[name] = [holder[name], copy.deepcopy(holder[name])]
        else:
            holder[name] = value(dice)
    return tree


def damaged(data: bytes, dice: random.Random) -> bytes:
    """Return bytes with a few of them changed, cut out, doubled or put in."""
    out = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(out) + 1)
        way = dice.random()
        if way < 0.4 and at < len(out):
            out[at] = dice.choice((0, 10, 13, 0x22, 0x7F, 0xFF, dice.randrange(256)))
        elif way < 0.55:
            del out[at : at + dice.randint(1, 30)]
        elif way < 0.6:
            del out[at:]
        elif way < 0.8:
            out[at:at] = dice.choice(HOSTILE).encode("utf-8", "surrogatepass")
        else:
            out[at:at] = out[max(0, at - dice.randint(1, 60)) : at]
    return bytes(out)


def events() -> Callable[[random.Random], str]:
    """Events of every trigger, through the triggers to an URL: its host is a cloud's own."""
    seeds = [*SEEDS, payloads.timer(payloads.cos())]
    texts = [json.dumps(seed).encode() for seed in seeds]

    def one(dice: random.Random) -> str:
        if dice.random() < 0.2:
            raw = damaged(dice.choice(texts), dice)
            try:
                payload = json.loads(raw)
            except (ValueError, RecursionError):
                payload = payloads.sqs(raw.decode("latin-1"))
        else:
            payload = changed(dice.choice(seeds), seeds, dice)
        if dice.random() < 0.1:
            return _entry(payload)
        try:
            arrivals = read(payload).arrivals
        except UnknownEventError as error:
            str(error).encode()
            return "refused with its reason"
        return max(map(_arrived, arrivals), default="nothing in it")

    return one


def _entry(payload: Any) -> str:
    """Give a payload to what reads the input of a workflow's step."""
    try:
        message = step._message(payload)  # noqa: SLF001 - the step's own parser
    except step.StepInputError as error:
        str(error).encode()
        return "step: refused with its reason"
    return f"step: {_arrived(message.arrival)}"


def _arrived(arrival: object) -> str:
    if not isinstance(arrival, Upload):
        getattr(arrival, "why").encode()  # noqa: B009 - of two kinds, both of which have it
        return type(arrival).__name__.lower()
    if Upload.from_json(arrival.to_json()) != arrival or len(arrival.id) != 64:
        raise WrongError("the upload does not survive its ledger")
    if arrival.cloud == "http":
        raise WrongError("an event made an upload of a request's photo")
    try:
        url = store_for(arrival.cloud).object_url(arrival.bucket, arrival.region, arrival.key)
    except FailureError:
        return "upload that no cloud can hold"
    split = urlsplit(url)
    if not (split.hostname or "").endswith(HOSTS) or "@" in split.netloc or ":" in split.netloc:
        raise WrongError(f"the event chose the host {split.netloc!r}")
    if not (url.isascii() and url.isprintable() and " " not in url):
        raise WrongError("the URL holds what no request line takes")
    return "upload"


class _Reached:
    """Stands for everything behind the parsing: a request that gets here was understood."""

    def __init__(self, given: settings.Settings) -> None:
        self.settings = given

    def __getattr__(self, name: str) -> Any:
        raise StoreError(f"reached {name}")


def requests() -> Callable[[random.Random], str]:
    """Events of every gateway, through the HTTP function up to its ledger."""
    from vindrop import telemetry
    from vindrop.http import auth

    auth._LONGEST_WAIT = 0.0  # type: ignore[misc]  # noqa: SLF001 - wrong keys wait elsewhere
    telemetry.set_level("error")
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - the log: of this process, until its end
    given = settings.load(
        {
            "VINDROP_RESULTS": "sqlite:////nonexistent/x.db",
            "VINDROP_DEAD_LETTERS": "sqlite:////nonexistent/x.db",
            "VINDROP_LEDGER": "none",
            "VINDROP_API_KEYS": "0123456789abcdef",
            "VINDROP_UPLOAD_BUCKET": "photos-1250000000",
            "VINDROP_UPLOAD_REGION": "ap-guangzhou",
            "VINDROP_ALLOWED_BUCKETS": "photos-1250000000",
            "VINDROP_CORS_ORIGINS": "https://a.example",
        }
    )
    bodies = _bodies()
    app: Any = _Reached(given)
    call = Invocation("scf", "request-1", "http_api", 60.0)

    def one(dice: random.Random) -> str:
        kind, body = dice.choice(bodies)
        if dice.random() < 0.6:
            body = damaged(body, dice)
        headers = {"Content-Type": kind, "X-Api-Key": "0123456789abcdef"}
        for _ in range(dice.randrange(3)):
            name = dice.choice(["Content-Type", "Origin", "Idempotency-Key", "traceparent", "X-A"])
            headers[name] = text(dice)
        method = dice.choice(["POST"] * 20 + ["GET", "HEAD", "OPTIONS", "\0", "CONNECT"])
        path = dice.choice(
            ["/v1/vin"] * 14 + ["/v1/uploads", "/", "/openapi.json", "/healthz", "/../", "//"]
        )
        gateway = dice.choice(list(gateways.GATEWAYS.values()))
        event = gateway(method, path, headers, body)
        if dice.random() < 0.4:
            event = changed(event, [event], dice)
        if dice.random() < 0.9:
            event = json.loads(json.dumps(event))
        answer = http.process(event, call, settings=lambda: given, app=lambda: app)
        status = answer["statusCode"]
        json.dumps(answer).encode()
        for name, sent in (answer.get("headers") or {}).items():
            if not (str(name).isascii() and str(sent).isprintable()):
                raise WrongError(f"the answer's header {name} holds a control character")
        if status >= 500 and not (status == 503 and "store-unavailable" in answer["body"]):
            raise WrongError(f"status {status}: {answer['body'][:200]}")
        return f"status {status}"

    return one


def _bodies() -> list[tuple[str, bytes]]:
    image = photo(size=(120, 30))
    form = (
        b'--b\r\nContent-Disposition: form-data; name="f"; filename="a.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + image + b"\r\n--b--\r\n"
    )
    named = {
        "bucket": "photos-1250000000",
        "key": "a.jpg",
        "region": "ap-guangzhou",
        "cloud": "tencent",
    }
    return [
        ("image/jpeg", image),
        ("multipart/form-data; boundary=b", form),
        ("application/octet-stream", base64.b64encode(image)),
        *(
            ("application/json", json.dumps(each).encode())
            for each in (
                {"ImageBase64": b64(image)},
                {"ImageUrl": "https://photos.example/a.jpg?x-cos-security-token=t"},
                named,
                {**named, "version": "null"},
                {"size": 3, "type": "image/jpeg"},
            )
        ),
    ]


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


def images() -> Callable[[random.Random], str]:
    """Damaged images: checked and decoded as VinOCR does, and converted as a function does."""
    readable, others = mutate.bases()
    others = [*others, *_rarer()]

    def one(dice: random.Random) -> str:
        converts = dice.random() < 0.5
        data = mutate.mutated(dice.choice(readable + others if converts else readable), dice)
        if converts:
            try:
                mutate.convert(data)
            except FailureError as error:
                return f"converter: {error.failure.code}"
            return "converted"
        try:
            image_checks.check(data)
            decode(data)
        except ApiError as error:
            return f"check: {error.code}"
        except ImageError as error:
            return f"decoder: {error.code}"
        return "decoded"

    return one


def _rarer() -> list[bytes]:
    """Return files that no photographer sends: whatever Pillow writes besides."""
    import io

    from PIL import Image

    image = Image.new("RGB", (64, 24), (9, 99, 199))
    found = []
    for kind in ("GIF", "ICO", "PCX", "TGA", "PPM", "SGI", "DDS", "ICNS", "IM", "MPO"):
        out = io.BytesIO()
        image.save(out, kind)
        found.append(out.getvalue())
    return found


KINDS: Final[Mapping[str, Kind]] = {
    "events": Kind(events, 1.0, 200),
    "requests": Kind(requests, 1.0, 200),
    "wire": Kind(wire, 5.0, 200),
    "images": Kind(images, 3.0, 512),
}
