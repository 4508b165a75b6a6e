"""URL → where records go. One file per technology, imported only when a URL asks for it."""

from __future__ import annotations

import hashlib
import importlib
import os
from collections.abc import Callable, Mapping
from typing import cast
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from vindrop.core.destination import Destination
from vindrop.core.store_errors import StoreSettingError
from vindrop.stores.sql import SCHEMES, open_database


def open_destination(url: str, environment: Mapping[str, str] | None = None) -> Destination:
    """Return the destination that ``url`` names.

    :param environment: where a cloud's keys are read, at every call; the process's by default.
    :raises StoreSettingError: no such kind, a wrong URL, or its client is not installed.
    """
    scheme = urlsplit(url).scheme
    opener = _OPENERS.get(scheme)
    if opener is None:
        known = ", ".join(f"{name}://" for name in _OPENERS)
        raise StoreSettingError(f"{url} is not a destination: a URL begins with one of {known}")
    return opener(url, os.environ if environment is None else environment)


_NAMING = {"queue", "exchange", "routing_key", "stream"}
"""Options that tell two destinations apart; others may hold secrets, or change."""


def name_of(url: str) -> str:
    """Return a short name of a destination, the same for every run, that tells no secret."""
    split = urlsplit(url)
    host = split.netloc.rpartition("@")[2]
    kept = [pair for pair in parse_qsl(split.query) if pair[0] in _NAMING]
    bare = urlunsplit((split.scheme, host, split.path, urlencode(sorted(kept)), ""))
    return f"{split.scheme}-{hashlib.sha256(bare.encode()).hexdigest()[:8]}"


Opener = Callable[[str, Mapping[str, str]], Destination]


def _sql(url: str, environment: Mapping[str, str]) -> Destination:  # noqa: ARG001  # as every opener
    from vindrop.destinations.sql import SQLDestination

    return SQLDestination(open_database(url))


def _in(module: str, name: str) -> Opener:
    """Return an opener that imports its file only when it is asked."""

    def open_it(url: str, environment: Mapping[str, str]) -> Destination:
        found = getattr(importlib.import_module(f"vindrop.destinations.{module}"), name)
        return cast("Destination", found(url, environment))

    return open_it


_OPENERS: dict[str, Opener] = {
    **dict.fromkeys(SCHEMES, _sql),
    "dynamodb": _in("dynamodb", "DynamoDBDestination"),
    "kafka": _in("kafka", "KafkaDestination"),
    **dict.fromkeys(("amqp", "amqps"), _in("amqp", "AMQPDestination")),
    **dict.fromkeys(("redis", "rediss"), _in("redis", "RedisDestination")),
    "sqs": _in("sqs", "SQSDestination"),
    "sns": _in("sns", "SNSDestination"),
    "eventbridge": _in("eventbridge", "EventBridgeDestination"),
    "tencent-eventbridge": _in("tencent", "TencentEventBridgeDestination"),
    "cmq-queue": _in("tencent", "CMQQueueDestination"),
    "cmq-topic": _in("tencent", "CMQTopicDestination"),
    "file": _in("file", "FileDestination"),
}
