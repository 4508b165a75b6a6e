"""What stores (databases, queues, topics) have in common: how they fail, how their URLs read."""

from __future__ import annotations

import contextlib
import importlib
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Final

from vindrop.domain.redaction import redact


class StoreError(Exception):
    """A store did not take or give what it was asked. ``str()`` is one sentence, without secrets.

    The upload concerned is not lost: it is retried, or its event is redelivered.
    """

    def __init__(self, message: str) -> None:
        # A database's sentence may go on over several lines, with pointers to the SQL.
        super().__init__(redact(" ".join(message.split())))


class LockedError(StoreError):
    """Another worker holds what was asked for, and has not let go of it in time."""


class StoreSettingError(ValueError):
    """A store's URL is wrong, or its client is not installed. ``str()`` says what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(redact(message))


@contextlib.contextmanager
def naming(setting: str) -> Iterator[None]:
    """Have a `StoreSettingError` of the block begin with the environment variable that is wrong."""
    try:
        yield
    except StoreSettingError as error:
        said = str(error)
        raise StoreSettingError(
            said if said.startswith("VINDROP_") else f"{setting}: {said}"
        ) from None


_BLANKS: Final = "\ufeff\u200b \t\r\n\v\f\u00a0"
SCHEME: Final = r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)"


def clean(url: str) -> str:
    """Return ``url`` without the blanks and byte order marks that copying leaves at its ends."""
    return url.strip(_BLANKS)


def scheme_of(url: str) -> str:
    """Return what kind of store ``url`` names, in lower case; empty where it is no URL."""
    found = re.match(SCHEME, clean(url), re.DOTALL)
    return found[1].lower() if found else ""


_EXTRAS: Final = {
    "psycopg": "postgresql",
    "pymysql": "mysql",
    "confluent_kafka": "kafka",
    "pika": "amqp",
    "redis": "redis",
    "boto3": "aws",
    "botocore": "aws",
    "PIL": "photo",
    "pillow_heif": "photo",
}


def load_client(module: str, url: str) -> ModuleType:
    """Import the client that ``url`` needs, and no other.

    :raises StoreSettingError: it is not installed; the sentence names the extra that brings it.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        extra = _EXTRAS[module.partition(".")[0]]
        raise StoreSettingError(
            f"{url} needs the package {module.partition('.')[0]}: install vindrop[{extra}], or attach the layer that "
            "carries it"
        ) from None
