"""What every client is asked to do, and what it must get."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from tests.vinocr.vinocr_support import VIN, b64, photo

MEGABYTE = 1024 * 1024
KEYS = {
    # name → (SecretId, SecretKey, token) of vinocr_accounts()
    "main": ("AKIDmain", "key-of-main", None),
    "wrong key": ("AKIDmain", "another-key", None),
    "nobody": ("AKIDnobody", "key", None),
    "temporary": ("AKIDtemporary", "key-of-temporary", "token-of-temporary"),
    "wrong token": ("AKIDtemporary", "key-of-temporary", "another-token"),
    "expired": ("AKIDexpired", "key-of-expired", "token-of-expired"),
    "in arrears": ("AKIDarrears", "key-of-arrears", None),
    "not activated": ("AKIDclosed", "key-of-closed", None),
    "used up": ("AKIDusedup", "key-of-usedup", None),
    "today's limit": ("AKIDdaily", "key-of-daily", None),
    "ten a second": ("AKIDbusy", "key-of-busy", None),
}


def accounts() -> list[dict[str, Any]]:
    """The accounts file behind `KEYS`."""
    states: dict[str, dict[str, Any]] = {
        "main": {},
        "temporary": {},
        "expired": {},
        "in arrears": {"state": "in_arrears"},
        "not activated": {"state": "not_activated"},
        "used up": {"state": "package_used_up"},
        "today's limit": {"daily_limit": 0},
        "ten a second": {"rate": 10},
    }
    made = []
    for number, (name, about) in enumerate(states.items()):
        secret_id, secret_key, token = KEYS[name]
        key: dict[str, Any] = {"secret_id": secret_id, "secret_key": secret_key}
        if token:
            year = 2001 if name == "expired" else 2101
            key |= {"token": token, "expires": f"{year}-01-01T00:00:00Z"}
        made.append({"uin": str(100 + number), "keys": [key], "rate": 100_000, **about})
    return made


@dataclass(frozen=True)
class Case:
    """One call. ``expect`` is a VIN or an error code."""

    name: str
    expect: str
    parameters: dict[str, Any]
    key: str = "main"
    action: str = "VinOCR"
    version: str = "2018-11-19"
    language: str = "en-US"
    message: str = ""
    """A regular expression that the error's message must match."""
    large: bool = False
    """Too large for a GET, and for v1's POST (which answers SignatureFailure)."""
    typed: bool = True
    """Clients with a typed request can send it."""
    while_busy: bool = False
    """The account's quota is being used up by somebody else."""


def gif() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (60, 20), "white").save(out, "GIF")
    return out.getvalue()


def cases(url: str) -> list[Case]:
    """All cases; ``url`` is a page of an allowed site that answers the photo."""
    small = photo(size=(600, 120))
    good = {"ImageBase64": b64(small)}
    closed = "FailedOperation.DownLoadError"
    other = photo("LBV2B25G2E5069977", size=(600, 120))
    return [
        Case("JPEG as Base64", VIN, good),
        Case("PNG as Base64", VIN, {"ImageBase64": b64(photo(kind="PNG", size=(600, 120)))}),
        Case("image by URL", VIN, {"ImageUrl": url}),
        Case("URL goes before Base64", VIN, {"ImageBase64": b64(other), "ImageUrl": url}),
        Case("temporary credentials", VIN, good, key="temporary"),
        Case("empty image", "FailedOperation.EmptyImageError", {"ImageBase64": ""}),
        Case("GIF", "FailedOperation.ImageDecodeFailed", {"ImageBase64": b64(gif())}),
        Case("truncated JPEG", "FailedOperation.ImageDecodeFailed", {"ImageBase64": b64(small[:900])}),
        Case("text file", "FailedOperation.UnKnowFileTypeError", {"ImageBase64": b64(b"no image")}),
        Case("no text", "FailedOperation.ImageNoText", {"ImageBase64": b64(photo("", size=(300, 80)))}),
        Case("over 7 MB", "LimitExceeded.TooLargeFileError", {"ImageBase64": "A" * (8 * MEGABYTE)}, large=True),
        Case("over 10 MB", "RequestSizeLimitExceeded", {"ImageBase64": "A" * (11 * MEGABYTE)}, large=True),
        Case("no image", "MissingParameter", {}),
        Case("unknown parameter", "UnknownParameter", {**good, "Colour": "red"}, typed=False),
        Case("wrong type", "InvalidParameter", {"ImageBase64": {"a": ["b"]}}, typed=False),
        Case("URL to loopback", closed, {"ImageUrl": "http://127.0.0.1/a.jpg"}),
        Case("URL to metadata", closed, {"ImageUrl": "http://169.254.0.23/latest/meta-data"}),
        Case("no web address", "InvalidParameterValue.InvalidParameterValueLimit", {"ImageUrl": "file:///etc/passwd"}),
        Case("unknown action", "InvalidAction", good, action="VehicleLicenseOCR", typed=False),
        Case("unknown version", "NoSuchVersion", good, version="2020-01-01", typed=False),
        Case("wrong key", "AuthFailure.SignatureFailure", good, key="wrong key"),
        Case("unknown SecretId", "AuthFailure.SecretIdNotFound", good, key="nobody"),
        Case("wrong token", "AuthFailure.TokenFailure", good, key="wrong token"),
        Case("expired token", "AuthFailure.TokenFailure", good, key="expired"),
        Case("in arrears", "ResourceUnavailable.InArrears", good, key="in arrears"),
        Case("not activated", "FailedOperation.UnOpenError", good, key="not activated"),
        Case("package used up", "ResourceUnavailable.ResourcePackageRunOut", good, key="used up"),
        Case("today's limit", "FailedOperation.CountLimitError", good, key="today's limit"),
        Case("over the rate", "RequestLimitExceeded", good, key="ten a second", message=r"`\d+`.*`10`", while_busy=True),
        Case("message in Chinese", "ResourceUnavailable.InArrears", good, key="in arrears", language="zh-CN", message="账号已欠费"),
        Case("message in English", "ResourceUnavailable.InArrears", good, key="in arrears", message="in arrears"),
    ]  # fmt: skip


@dataclass
class Outcome:
    """What a client made of it."""

    vin: str | None = None
    code: str | None = None
    message: str = ""
    request_id: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)
