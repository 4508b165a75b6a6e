"""An answer, in the form that each gateway expects. All our answers are text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vindrop.http.request import Request


@dataclass(frozen=True, slots=True)
class Response:
    """What is answered."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def for_gateway(response: Response, request: Request | None) -> dict[str, Any]:
    """Return ``response`` as the gateway that sent ``request`` wants it.

    :param request: None where the request could not be understood: the plainest form then.
    """
    answer: dict[str, Any] = {
        "statusCode": response.status,
        "headers": dict(response.headers),
        "body": response.body,
    }
    shape = request.shape if request is not None else "tencent_url"
    if shape != "tencent_url":  # SCF's Function URL documents these three fields and no others
        answer["isBase64Encoded"] = False
    if shape == "aws_alb":
        answer["statusDescription"] = f"{response.status} {HTTPStatus(response.status).phrase}"
        if request is not None and request.multi_value_headers:
            headers = answer.pop("headers")
            answer["multiValueHeaders"] = {name: [value] for name, value in headers.items()}
    return answer
