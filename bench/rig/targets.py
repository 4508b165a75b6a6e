"""What is given damaged and hostile inputs, and what each must do with every one of them.

A target makes the input of a number (the same for the same seed) and gives it to the real parser,
function or server. It returns one word for how that ended, and raises where it ended in no way that
is allowed.
"""

from __future__ import annotations

import base64
import io
import json
import os
import random
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from bench import mutate
from bench.rig.mutants import WrongError, changed, damaged, text
from bench.rig.wire import wire
from tests.http import events as gateways
from tests.triggers import payloads
from tests.triggers.test_fuzz import SEEDS
from tests.vinocr.vinocr_support import b64, photo
from vindrop import http, settings
from vindrop.clouds import store_for
from vindrop.core.invocation import Invocation
from vindrop.core.store_errors import StoreError
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import Upload
from vindrop.triggers import UnknownEventError, read, step
from vinocr.api import image_checks
from vinocr.api.codes import ApiError
from vinocr.reader.answer import ImageError
from vinocr.reader.decode import decode

HOSTS: Final = (".myqcloud.com", ".amazonaws.com", ".amazonaws.com.cn", ".aliyuncs.com")


@dataclass(frozen=True)
class Kind:
    """One kind of input."""

    make: Callable[[], Callable[[random.Random], str]]
    """Opens what is needed, once in each process, and returns the target."""
    seconds: float
    """Most processor time (of a server: clock time) that one input may take."""
    memory_mb: float
    """Most memory that a process may hold over what it held before its first input."""


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
