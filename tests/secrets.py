"""Every secret that the tests plant, and how one is recognised in what comes out.

Wherever a test sets a key, a token or a password, it takes it from here: each carries a mark.
Signatures are made while a test runs and can carry none, so they are known by their form.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import Final

MARK: Final = "PLANTED"

TENCENT_ID: Final = "AKIDPLANTEDtencentId0000000000000000"
TENCENT_KEY: Final = "PLANTEDtencentKey000000000000000"
TENCENT_TOKEN: Final = "PLANTEDtencentToken/0000+0000=="
VINOCR_ID: Final = "AKIDPLANTEDvinocrId00000000000000000"
VINOCR_KEY: Final = "PLANTEDvinocrKey0000000000000000"
AWS_ID: Final = "AKIAPLANTEDAWSID0000"
AWS_KEY: Final = "PLANTEDawsKey/0000+000000000000000000000"
AWS_TOKEN: Final = "PLANTEDawsToken/0000+0000=="
WRONG_ID: Final = "AKIDPLANTEDnobody0000000000000000000"
WRONG_KEY: Final = "PLANTEDwrongKey00000000000000000"
API_KEY: Final = "PLANTED-API-KEY"
PASSWORD: Final = "PLANTEDpassword"
UPLOADER: Final = (
    "q-sign-algorithm=sha1&q-ak=AKIDPLANTEDuploader&q-sign-time=1794052800;1794056400"
    "&q-key-time=1794052800;1794056400&q-header-list=host&q-url-param-list="
    "&q-signature=PLANTED0123456789abcdef0123456789abcdef0"
)
"""Authorization of whoever put an object: COS sends it along in every event."""
SIGNED_URL: Final = f"https://b.cos.ap-guangzhou.myqcloud.com/a.jpg?{UPLOADER}"

TENCENT: Final = {"TENCENTCLOUD_SECRETID": TENCENT_ID, "TENCENTCLOUD_SECRETKEY": TENCENT_KEY}
TENCENT_ROLE: Final = {**TENCENT, "TENCENTCLOUD_SESSIONTOKEN": TENCENT_TOKEN}
"""As SCF gives a function's role: a signed URL then carries the token, too."""
OSS_ID: Final = "LTAIPLANTEDossId00000000"
OSS_KEY: Final = "PLANTEDossKey00000000000000000"
OSS_TOKEN: Final = "PLANTEDossToken/0000+0000=="
OSS: Final = {
    "ALIBABA_CLOUD_ACCESS_KEY_ID": OSS_ID,
    "ALIBABA_CLOUD_ACCESS_KEY_SECRET": OSS_KEY,
    "ALIBABA_CLOUD_SECURITY_TOKEN": OSS_TOKEN,
}
AWS: Final = {"AWS_ACCESS_KEY_ID": AWS_ID, "AWS_SECRET_ACCESS_KEY": AWS_KEY}
VINOCR: Final = {"VINDROP_VINOCR_SECRET_ID": VINOCR_ID, "VINDROP_VINOCR_SECRET_KEY": VINOCR_KEY}


def _base64(mark: str) -> list[str]:
    """The part of ``mark``'s Base64 that is the same whatever stands around it, at each offset."""
    found = []
    for offset in range(3):
        whole = base64.b64encode(bytes(offset) + mark.encode()).decode().rstrip("=")
        begin, end = (offset * 4 + 2) // 3, (offset + len(mark)) * 4 // 3
        found.append(whole[begin:end])
    return found


_MARKS: Final = (MARK, "planted-")
_VALUE: Final = r"(?:=|%3D|%253D|\\?\"?\s?[:=]\s?\\?\"?)"
"""Between a name and its value: in a URL, in a URL inside a URL, as a header or in JSON."""
_FORMS: Final = {
    "a planted secret": "|".join(map(re.escape, _MARKS)),
    "a planted secret in Base64": "|".join(
        re.escape(part) for mark in _MARKS for part in _base64(mark)
    ),
    "a planted secret in hexadecimal": "|".join(mark.encode().hex() for mark in _MARKS),
    "a signature of COS": rf"(?i:q-signature){_VALUE}[0-9a-f]{{40}}",
    "a signature of S3 or OSS": rf"(?i:x-(?:amz|oss)-signature){_VALUE}[0-9a-f]{{64}}",
    "a signature of an older kind": r"[?&]Signature(?:=|%3D)[A-Za-z0-9%+/]{20}",
    "a signed Authorization": r"(?:TC3|AWS4)-HMAC-SHA256[^\n]{1,400}?Signature=[0-9a-f]{64}",
    "a session token": r"(?i:x-(?:cos|amz|oss)-security-token|x-tc-token)"
    rf"{_VALUE}[A-Za-z0-9%+/=_-]{{8}}",
    "a bearer's key": r"\bBearer [A-Za-z0-9._~+/-]{8}",
    "a password in a URL": r"\b[a-z][a-z0-9+]{1,20}://[^\s/@:\"'<>…]{0,64}:[^\s/@:\"'<>…]{1,64}@",
}
_LOOK: Final = {kind: re.compile(form.encode()) for kind, form in _FORMS.items()}


@dataclass(frozen=True)
class Found:
    """A secret where none may be."""

    kind: str
    before: str
    """What stands before it on its line; the secret itself is not shown again."""


def find(data: bytes) -> list[Found]:
    """Return the first of each kind of secret in ``data``."""
    spots = [(hit.start(), kind) for kind, form in _LOOK.items() if (hit := form.search(data))]
    if not spots:
        return []
    first = min(spots)[0]  # whatever is shown ends before the first of them
    begin = max(data.rfind(b"\n", 0, first) + 1, first - 80)
    before = data[begin:first].decode("utf-8", "replace")
    return [Found(kind, before) for _, kind in sorted(spots)]
