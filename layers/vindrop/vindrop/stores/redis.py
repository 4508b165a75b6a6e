"""A client of Redis: what the rate limiter and the destination of streams share."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

from vindrop.core.store_errors import StoreSettingError, load_client

CONNECT_SECONDS: Final = 3
ANSWER_SECONDS: Final = 10


def connect(url: str) -> tuple[Any, Any]:
    """Return a client (connections are made when first needed) and the module of its errors.

    :raises StoreSettingError: the URL is wrong or the client is not installed.
    """
    module = load_client("redis", "redis://…")
    split = urlsplit(url)
    bare = urlunsplit((split.scheme, split.netloc, split.path, "", ""))
    try:
        client = module.Redis.from_url(
            bare,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            health_check_interval=30,  # a connection that died in a frozen function is replaced
        )
    except ValueError as error:
        raise StoreSettingError(
            f"{bare} is not an address of Redis: {error}; write redis://host:6379/0"
        ) from None
    return client, module.exceptions
