"""Events as the platforms deliver them, for any object: what ``vindrop event`` prints.

    from vindrop_local.sample_events import build
    build("s3", bucket="photos", key="vin/a b.jpg", inside=("sns", "sqs"))

The files in ``events/`` are made here, each usable with ``vindrop invoke``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from vindrop_local.sample_events import aws, tencent
from vindrop_local.sample_events.place import Place

__all__ = ["BASES", "SAMPLES", "WRAPPERS", "Place", "build", "sample"]

BASES: Final[dict[str, Callable[[Place], Any]]] = {
    "cos": tencent.cos,
    "cos-workflow": tencent.workflow,
    "eventbridge-tencent": tencent.eventbridge,
    "s3": aws.s3,
    "eventbridge-aws": aws.eventbridge,
    "s3-listing-item": aws.listing_item,
    "plain": aws.plain,
}
"""Events that name an object."""

WRAPPERS: Final[dict[str, Callable[[Any], Any]]] = {
    "ckafka": tencent.ckafka,
    "cmq": tencent.cmq,
    "timer": tencent.timer,
    "eventbridge-batch": tencent.batch,
    "scf-failure": tencent.failure,
    "sqs": aws.sqs,
    "sns": aws.sns,
    "sns-notification": aws.notification,
    "msk": aws.msk,
    "lambda-failure": aws.failure,
}
"""Messages that hold another event."""

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
    "eventbridge-aws": ("eventbridge-aws", ()),
    "eventbridge-aws-in-sqs": ("eventbridge-aws", ("sqs",)),
    "step-s3-listing-item": ("s3-listing-item", ()),
    "step-plain": ("plain", ()),
}
"""File in ``events/`` → the event it is, and what that is inside of, from the inside out."""


def build(  # what names an object
    base: str,
    *,
    bucket: str = "",
    key: str = "plate-04.jpg",
    region: str = "",
    size: int = 0,
    inside: Sequence[str] = (),
) -> Any:
    """Return an event for an object.

    :param base: one of `BASES`.
    :param bucket: tencent: with the account's number (``name-appid``). Default: a sample's.
    :param size: bytes.
    :param inside: names of `WRAPPERS`, from the inside out.
    :raises KeyError: no such base or wrapper.
    """
    event = BASES[base](Place.of(base, bucket, key, region, size))
    for name in inside:
        event = WRAPPERS[name](event)
    return event


def sample(name: str) -> Any:
    """Return the event of ``events/<name>.json``: the sample photo ``plate-04.jpg``."""
    base, inside = SAMPLES[name]
    return build(base, inside=inside)
