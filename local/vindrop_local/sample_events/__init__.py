"""Events as the platforms deliver them, for any object: what ``vindrop event`` prints.

    from vindrop_local.sample_events import build
    build("s3", bucket="photos", key="vin/a b.jpg", inside=("sns", "sqs"))

    build("http-aws-url", photo=Path("photo.jpg").read_bytes())

The files in ``events/`` are the templates, each usable with ``vindrop invoke`` as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from vindrop_local.sample_events import http
from vindrop_local.sample_events.messages import WRAPPERS, wrap
from vindrop_local.sample_events.objects import BASES, REFERENCED
from vindrop_local.sample_events.template import EVENTS, Place

__all__ = ["BASES", "REQUESTS", "SAMPLES", "WRAPPERS", "build", "sample"]

REQUESTS: Final[dict[str, str]] = {http.name(gateway): gateway for gateway in http.GATEWAYS}
"""HTTP requests, of the gateway that hands them over: with a photo, or naming an object."""

SAMPLES: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "cos": ("cos", ()),
    "cos-in-ckafka": ("cos", ("ckafka",)),
    "cos-in-cmq": ("cos", ("cmq",)),
    "cos-in-timer": ("cos", ("timer",)),
    "cos-in-scf-failure": ("cos", ("scf-failure",)),
    "eventbridge-tencent": ("eventbridge-tencent", ()),
    "eventbridge-tencent-batch": ("eventbridge-tencent", ("eventbridge-batch",)),
    "step-cos-workflow": ("cos-workflow", ()),
    "s3": ("s3", ()),
    "s3-in-sns": ("s3", ("sns",)),
    "s3-in-sqs": ("s3", ("sqs",)),
    "s3-in-sns-in-sqs": ("s3", ("sns-notification", "sqs")),
    "s3-in-msk": ("s3", ("msk",)),
    "s3-in-lambda-failure": ("s3", ("lambda-failure",)),
    "oss": ("oss", ()),
    "eventbridge-aws": ("eventbridge-aws", ()),
    "eventbridge-aws-in-sqs": ("eventbridge-aws", ("sqs",)),
    "step-s3-listing-item": ("s3-listing-item", ()),
    "step-plain": ("plain", ()),
    **{name + of: (name, ()) for name in REQUESTS for of in ("", "-photo")},
}
"""File in ``events/`` → the event it is, and what that is inside of, from the inside out.

A request named ``-photo`` brings `PHOTO`, the others name an object.
"""

PHOTO: Final = EVENTS / "photos" / "stamped-04.jpg"
"""The smallest sample photo with a VIN."""


def build(  # what names an object
    base: str,
    *,
    bucket: str = "",
    key: str = "plate-04.jpg",
    region: str = "",
    size: int = 0,
    reference: str = "",
    inside: Sequence[str] = (),
    photo: bytes | None = None,
    api_key: str = http.API_KEY,
) -> Any:
    """Return an event for an object.

    :param base: one of `BASES` or `REQUESTS`.
    :param bucket: tencent: with the account's number (``name-appid``). Default: a sample's.
    :param size: bytes.
    :param reference: the uploader's own, such as a stock number, where the event can carry one.
    :param inside: names of `WRAPPERS`, from the inside out.
    :param photo: a request brings these bytes; None: it names the object.
    :param api_key: what a request is let in with.
    :raises KeyError: no such base or wrapper.
    :raises ValueError: the event has no place for a reference.
    """
    if reference and base not in REQUESTS and base not in REFERENCED:
        raise ValueError(
            f"{base} tells no reference: it is read from the object's metadata, so put it there; "
            f"--reference is for {', '.join((*REFERENCED, *REQUESTS))}"
        )
    place = Place.of(base, bucket, key, region, size, reference)
    if base in REQUESTS:
        event = http.request(REQUESTS[base], place, photo=photo, api_key=api_key)
    else:
        event = BASES[base](place)
    for name in inside:
        event = wrap(name, event)
    return event


def sample(name: str) -> Any:
    """Return the event of ``events/<name>.json``: the sample photo ``plate-04.jpg``, or `PHOTO`."""
    base, inside = SAMPLES[name]
    photo = PHOTO.read_bytes() if name.endswith("-photo") else None
    return build(base, inside=inside, photo=photo)
