"""Malformed requests over the wire: no 5xx, no traceback, no hang, and the next good one answered.

Seeded: the same seed sends the same requests (but for time stamps and signatures).
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import random
import re
import socket
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from urllib.parse import urlencode

from tests.vinocr.vinocr_support import b64, photo
from vinocr.api import signature

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
SMALL = photo(size=(600, 120))
WORDS = [
    "", "a", "VinOCR", "ImageBase64", "ImageUrl", "null", "true", "-1", "1e999", "NaN", "\x00", "%00",
    "../../etc/passwd", "' OR 1=1 --", "{{7*7}}", "${jndi:ldap://x}", "<script>", "A" * 5000, "漢字",
    "\ud83d\ude00", "http://127.0.0.1/", "http://[::1", "http://a:b@c/", "data:image/png;base64,AA",
    "=" * 50, "[" * 50, "9" * 400, "2018-11-19", "TC3-HMAC-SHA256", "Infinity", "\r\nX: y",
]  # fmt: skip


@dataclass
class Report:
    """What was seen. ``bad`` says what must not be."""

    sent: int = 0
    good: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)
    slowest: float = 0.0


@dataclass(frozen=True)
class Target:
    """The server under test and a key that it knows."""

    host: str
    port: int
    secret_id: str
    secret_key: str

    @property
    def endpoint(self) -> str:
        return f"{self.host}:{self.port}"


def signed(
    target: Target, body: bytes, kind: str = JSON, method: str = "POST", query: str = ""
) -> dict[str, str]:
    """Headers of a request that authentication lets through, whatever its body is."""
    now = int(time.time())
    pairs = [("content-type", kind), ("host", target.endpoint)]
    canonical = signature.canonical_request(method, query, pairs, hashlib.sha256(body).hexdigest())
    date = signature.utc_date(now)
    made = signature.tc3_signature(target.secret_key, now, date, "ocr", canonical)
    return {
        "Content-Type": kind,
        "Host": target.endpoint,
        "X-TC-Action": "VinOCR",
        "X-TC-Version": "2018-11-19",
        "X-TC-Timestamp": str(now),
        "Authorization": f"TC3-HMAC-SHA256 Credential={target.secret_id}/{date}/ocr/tc3_request, "
        f"SignedHeaders=content-type;host, Signature={made}",
    }


def raw(method: str, path: str, headers: dict[str, str], body: bytes) -> bytes:
    """A request as bytes, with nothing checked."""
    lines = [f"{method} {path} HTTP/1.1"] + [f"{k}: {v}" for k, v in headers.items()]
    lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body


def value(dice: random.Random, depth: int = 0) -> object:
    """Any JSON value."""
    kind = dice.randrange(8 if depth < 4 else 5)
    if kind < 3:
        return dice.choice(WORDS)
    if kind == 3:
        return dice.choice([0, -1, 1.5, 1e308, 2**70, None, True, False])
    if kind == 4:
        return "".join(chr(dice.randrange(32, 0xD000)) for _ in range(dice.randrange(40)))
    if kind < 7:
        return [value(dice, depth + 1) for _ in range(dice.randrange(4))]
    return {dice.choice(WORDS): value(dice, depth + 1) for _ in range(dice.randrange(4))}


def noise(dice: random.Random, most: int) -> bytes:
    return dice.randbytes(dice.randrange(most))


def damage(dice: random.Random, data: bytes) -> bytes:
    """Flip, cut, double or insert, once or a few times."""
    made = bytearray(data)
    for _ in range(dice.randrange(1, 6)):
        at = dice.randrange(len(made) + 1)
        act = dice.randrange(5)
        if act == 0 and at < len(made):
            made[at] = dice.randrange(256)
        elif act == 1:
            made[at:at] = noise(dice, 12)
        elif act == 2:
            del made[at : at + dice.randrange(30)]
        elif act == 3:
            made[at:at] = made[at : at + dice.randrange(60)]
        else:
            made[at:at] = dice.choice(WORDS).encode("utf-8", "surrogatepass")
    return bytes(made)


def garbage(dice: random.Random, _: Target) -> bytes:
    return noise(dice, 400)


def broken_line(dice: random.Random, target: Target) -> bytes:
    body = json.dumps({"ImageUrl": "x"}).encode()
    return damage(dice, raw("POST", "/", signed(target, body), body))


def any_json(dice: random.Random, target: Target) -> bytes:
    body = json.dumps(value(dice)).encode()
    return raw("POST", "/", signed(target, body), body)


def any_parameters(dice: random.Random, target: Target) -> bytes:
    names = ["ImageBase64", "ImageUrl"] + [dice.choice(WORDS)] * (dice.random() < 0.3)
    body = json.dumps({name: value(dice) for name in names if dice.random() < 0.8}).encode()
    return raw("POST", "/", signed(target, body), body)


def broken_json(dice: random.Random, target: Target) -> bytes:
    body = damage(dice, json.dumps({"ImageBase64": b64(SMALL[:300]), "ImageUrl": None}).encode())
    return raw("POST", "/", signed(target, body), body)


def broken_headers(dice: random.Random, target: Target) -> bytes:
    body = b"{}"
    headers = signed(target, body)
    for _ in range(dice.randrange(1, 4)):
        name = dice.choice(
            [*headers, "X-TC-Token", "X-TC-Region", "X-TC-Language", "Expect", "Upgrade"]
        )
        act = dice.randrange(3)
        if act == 0:
            headers.pop(name, None)
        elif act == 1:
            headers[name] = dice.choice(WORDS).replace("\r\n", " ").replace("\x00", "")
        else:
            headers[name] = damage(dice, headers.get(name, "x").encode("utf-8", "replace")).decode(
                "latin-1"
            )
    return raw(dice.choice(["POST", "POST", "GET", "PUT", "BREW", "HEAD"]), "/", headers, body)


def any_query(dice: random.Random, target: Target) -> bytes:
    pairs = [
        (dice.choice(WORDS), dice.choice(WORDS).encode("utf-8", "replace"))
        for _ in range(dice.randrange(6))
    ]
    query = urlencode(pairs, errors="replace")
    if dice.random() < 0.5:
        query = damage(dice, query.encode()).decode("latin-1").replace(" ", "+")
        query = "".join(c for c in query if c.isprintable() and c.isascii() and c != "#")
    if dice.random() < 0.5:
        return raw("GET", "/?" + query, signed(target, b"", FORM, "GET", query), b"")
    headers = {"Host": target.endpoint, "Content-Type": FORM}
    if dice.random() < 0.5:
        return raw("GET", "/?" + query, headers, b"")
    return raw("POST", "/", headers, query.encode())


def any_multipart(dice: random.Random, target: Target) -> bytes:
    part = b'--b\r\nContent-Disposition: form-data; name="ImageBase64"\r\n\r\nAAAA\r\n'
    body = damage(dice, part * dice.randrange(1, 4) + b"--b--\r\n")
    kind = dice.choice(
        ["multipart/form-data; boundary=b", "multipart/form-data", "multipart/form-data; boundary="]
    )
    return raw("POST", "/", signed(target, body, kind), body)


def broken_image(dice: random.Random, target: Target) -> bytes:
    body = json.dumps({"ImageBase64": b64(damage(dice, SMALL))}).encode()
    return raw("POST", "/", signed(target, body), body)


def other_paths(dice: random.Random, target: Target) -> bytes:
    path = dice.choice(
        ["/v1/vin", "/metrics", "/docs", "/openapi.json", "//", "/..", "/v1/vin/", "/%00", "*"]
    )
    kind = dice.choice(["image/jpeg", "image/png", "multipart/form-data; boundary=b", JSON, ""])
    headers = {"Host": target.endpoint, "Content-Type": kind}
    if dice.random() < 0.3:
        headers["Authorization"] = dice.choice(["Bearer", "Bearer x", "Basic eA==", "\t"])
    return raw(dice.choice(["GET", "POST", "DELETE"]), path, headers, damage(dice, SMALL[:64]))


# How often each is sent, of 100. Images are few: each is really decoded and read.
KINDS: list[tuple[int, Callable[[random.Random, Target], bytes]]] = [
    (12, garbage), (14, broken_line), (12, any_json), (14, any_parameters), (10, broken_json),
    (12, broken_headers), (12, any_query), (8, any_multipart), (1, broken_image), (5, other_paths),
]  # fmt: skip


def is_incomplete(data: bytes) -> bool:
    """Whether a server has to wait for more: a head without an end, or a body that is too short."""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return True
    said = re.search(rb"(?i)content-length:\s*(\d{1,9})", head)
    return b"chunked" in head.lower() or (said is not None and int(said[1]) > len(body))


def exchange(target: Target, data: bytes, seconds: float = 30.0) -> tuple[int, str, bytes] | None:
    """Send bytes; return status, content type and body, or None where the line was just closed.

    :raises TimeoutError: neither an answer nor the end came.
    """
    with socket.create_connection((target.host, target.port), timeout=seconds) as line:
        with contextlib.suppress(OSError):
            line.sendall(data)
            if is_incomplete(data):  # nothing can answer it: say that no more will come
                line.shutdown(socket.SHUT_WR)
        response = http.client.HTTPResponse(
            line, method="HEAD" if data.startswith(b"HEAD") else None
        )
        try:
            response.begin()
            return response.status, response.getheader("content-type", ""), response.read()
        except TimeoutError:
            raise
        except (http.client.HTTPException, OSError):
            return None
        finally:
            response.close()


def judge(data: bytes, got: tuple[int, str, bytes] | None) -> tuple[str, str | None]:
    """Name an answer, and say what is wrong with it if anything is."""
    if got is None:
        return "closed", None
    status, kind, body = got
    if status >= 500:
        return str(status), f"status {status}"
    if b"Traceback" in body or b".py" in body:
        return str(status), "a traceback"
    if status != 200 or not kind.startswith("application/json") or b'"Response"' not in body:
        return str(status), None
    response = json.loads(body)["Response"]
    if kind != "application/json" or not response.get("RequestId"):
        return "200", "an API answer of a wrong form"
    return response.get("Error", {}).get("Code", "Success"), None


def run(target: Target, count: int, *, seed: int = 1, threads: int = 8) -> Report:
    """Send ``count`` malformed requests, and a good one after every hundred."""
    report = Report()
    weights, makers = [w for w, _ in KINDS], [m for _, m in KINDS]
    good_body = json.dumps({"ImageBase64": b64(SMALL)}).encode()

    def one(number: int) -> None:
        dice = random.Random(seed * 1_000_003 + number)
        maker = dice.choices(makers, weights)[0]
        data = maker(dice, target)
        started = time.monotonic()
        try:
            name, wrong = judge(data, exchange(target, data))
        except (TimeoutError, ValueError, ConnectionRefusedError) as error:
            name, wrong = "none", f"{type(error).__name__}: {error}"
        report.slowest = max(report.slowest, time.monotonic() - started)
        report.sent += 1
        report.kinds[maker.__name__] += 1
        report.answers[name] += 1
        if wrong:
            report.bad.append(f"request {number} ({maker.__name__}): {wrong}")
        if number % 100 == 99:
            got = exchange(target, raw("POST", "/", signed(target, good_body), good_body), 60)
            if judge(b"", got)[0] == "Success":
                report.good += 1
            else:
                report.bad.append(f"after request {number}: a good request got {got}")

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, range(count)))
    return report
