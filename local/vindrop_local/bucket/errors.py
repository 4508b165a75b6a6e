"""COS's errors: what a client's code acts on, and a sentence for the person behind it.

Codes: https://cloud.tencent.com/document/product/436/7730
"""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

XML: Final = "application/xml"
_STATUS: Final = {
    "AccessDenied": 403,
    "BucketAlreadyOwnedByYou": 409,
    "FileAlreadyExists": 409,
    "InternalError": 500,
    "InvalidAccessKeyId": 403,
    "InvalidRange": 416,
    "InvalidToken": 403,
    "MethodNotAllowed": 405,
    "NoSuchBucket": 404,
    "NoSuchKey": 404,
    "NoSuchUpload": 404,
    "NotImplemented": 501,
    "PreconditionFailed": 412,
    "SignatureDoesNotMatch": 403,
}
"""Code → HTTP status; 400 for all others."""


class CosError(Exception):
    """A refusal, to be answered as COS's error XML."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.status = _STATUS.get(code, 400)
        self.code = code
        self.message = message

    def body(self, resource: str, request_id: str, trace_id: str) -> bytes:
        """Write the error as COS does. ``resource`` never holds a query string: it may be signed."""
        return (
            "<?xml version='1.0' encoding='utf-8' ?>\n<Error>\n"
            f"\t<Code>{self.code}</Code>\n"
            f"\t<Message>{escape(self.message)}</Message>\n"
            f"\t<Resource>{escape(resource)}</Resource>\n"
            f"\t<RequestId>{escape(request_id)}</RequestId>\n"
            f"\t<TraceId>{escape(trace_id)}</TraceId>\n"
            "</Error>\n"
        ).encode()


def no_such_upload() -> CosError:
    """The multipart upload was never begun, or is over."""
    return CosError(
        "NoSuchUpload",
        "The specified multipart upload does not exist: it may have been completed or aborted. "
        "Begin a new one.",
    )


def invalid(message: str) -> CosError:
    """An argument that means nothing; ``message`` says which and what to write instead."""
    return CosError("InvalidArgument", message)
