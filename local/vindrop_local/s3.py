"""A bucket that speaks S3, for events of AWS: moto's server, in a thread of this process."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from vindrop_local.errors import UserError


@contextlib.contextmanager
def server() -> Iterator[str]:
    """Yield the URL of an S3 that keeps everything in memory.

    :raises UserError: moto is not installed.
    """
    try:
        from moto.server import ThreadedMotoServer
    except ImportError:
        raise UserError(
            "this event is of S3, for which moto plays the bucket here: `pip install 'moto[server]'`, "
            "or set VINDROP_RESULTS and the other settings to work with a real one"
        ) from None
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    running = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    running.start()
    try:
        host, port = running.get_host_and_port()
        yield f"http://{host}:{port}"
    finally:
        running.stop()


def client(endpoint: str, key_id: str = "AKIDLOCAL", key: str = "local") -> Any:
    """Return boto3's client for it; moto checks no keys."""
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=key_id,
        aws_secret_access_key=key,
    )


@contextlib.contextmanager
def serve(objects: Iterable[tuple[str, str, Path]]) -> Iterator[str]:
    """Serve ``objects`` (bucket, key, file) and yield the endpoint's URL.

    :raises UserError: moto is not installed.
    """
    with server() as endpoint:
        s3 = client(endpoint)
        made: set[str] = set()
        for bucket, key, path in objects:
            if bucket not in made:
                s3.create_bucket(Bucket=bucket)
                made.add(bucket)
            s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
        yield endpoint
