"""URL → where records go. One file per technology or cloud, imported only when a URL asks for it.

To add a destination: a file here, and a line in `_OPENERS`. `message.MessageDestination` is the base of
those that cannot drop a second copy; the promises of all of them are tests/destinations/test_promises.py.
"""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Mapping
from typing import Final, cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from vindrop.core.destination import Destination
from vindrop.core.store_errors import StoreSettingError, clean, naming, scheme_of
from vindrop.stores.sql import SCHEMES

_OPENERS: Final = {
    **dict.fromkeys(SCHEMES, "sql.open_sql"),
    "dynamodb": "dynamodb.DynamoDBDestination",
    "kafka": "kafka.KafkaDestination",
    **dict.fromkeys(("amqp", "amqps"), "amqp.AMQPDestination"),
    **dict.fromkeys(("redis", "rediss"), "redis.RedisDestination"),
    "sqs": "aws.SQSDestination",
    "sns": "aws.SNSDestination",
    "eventbridge": "aws.EventBridgeDestination",
    "tencent-eventbridge": "tencent.TencentEventBridgeDestination",
    "cmq-queue": "tencent.CMQQueueDestination",
    "cmq-topic": "tencent.CMQTopicDestination",
    "file": "file.FileDestination",
}
"""Scheme → module of this folder, and what makes its destination from a URL and the environment."""


SETTINGS: Final = "VINDROP_RESULTS or VINDROP_DEAD_LETTERS"


def open_destination(
    url: str, environment: Mapping[str, str] | None = None, setting: str = SETTINGS
) -> Destination:
    """Return the destination that ``url`` names.

    :param environment: where a cloud's keys are read, at every call; the process's by default.
    :param setting: where the URL stands, for what is said of a wrong one.
    :raises StoreSettingError: no such kind, a wrong URL, or its client is not installed.
    """
    url = clean(url)
    with naming(setting):
        opener = _OPENERS.get(scheme_of(url))
        if opener is None:
            known = ", ".join(f"{name}://" for name in _OPENERS)
            raise StoreSettingError(f"no destination: a URL begins with one of {known}")
        module, _, name = opener.partition(".")
        make = getattr(importlib.import_module(f"vindrop.destinations.{module}"), name)
        return cast("Destination", make(url, os.environ if environment is None else environment))


_NAMING = {"queue", "exchange", "routing_key", "stream"}
"""Options that tell two destinations apart; others may hold secrets, or change."""


def name_of(url: str) -> str:
    """Return a short name of a destination, the same for every run, that tells no secret."""
    try:
        split = urlsplit(clean(url))
    except ValueError:  # a bracket in a password: its opening says what to do
        split = urlsplit(f"{scheme_of(url)}:")
    host = split.netloc.rpartition("@")[2]
    kept = [pair for pair in parse_qsl(split.query) if pair[0] in _NAMING]
    bare = urlunsplit((split.scheme, host, split.path, urlencode(sorted(kept)), ""))
    return f"{split.scheme}-{hashlib.sha256(bare.encode()).hexdigest()[:8]}"
