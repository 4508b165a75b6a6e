"""moto's server, with what DynamoDB promises and moto does not: writes happen one after another."""

from __future__ import annotations

import functools
import sys
import threading
from typing import Any

from moto.dynamodb.responses import DynamoHandler
from moto.server import main

_LOCK = threading.RLock()


def _one_at_a_time(method: Any) -> Any:
    @functools.wraps(method)
    def locked(*arguments: Any, **named: Any) -> Any:
        with _LOCK:
            return method(*arguments, **named)

    return locked


for name in ("put_item", "update_item", "delete_item"):
    setattr(DynamoHandler, name, _one_at_a_time(getattr(DynamoHandler, name)))

if __name__ == "__main__":
    main(sys.argv[1:])
