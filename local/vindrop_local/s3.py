"""A bucket that speaks S3, for events of AWS: moto's server, in a thread of this process."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from vindrop_local.errors import UserError


@contextlib.contextmanager
def serve(objects: Iterable[tuple[str, str, Path]]) -> Iterator[str]:
    """Serve ``objects`` (bucket, key, file) and yield the endpoint's URL.

    :raises UserError: moto is not installed.
    """
    try:
        import boto3
        from moto.server import ThreadedMotoServer
    except ImportError:
        raise UserError(
            "this event is of S3, for which moto plays the bucket here: `pip install 'moto[server]'`, "
            "or set VINDROP_RESULTS and the other settings to work with a real one"
        ) from None
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        endpoint = f"http://{host}:{port}"
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            region_name="us-east-1",
            aws_access_key_id="AKIDLOCAL",
            aws_secret_access_key="local",  # noqa: S106  # moto checks none
        )
        made: set[str] = set()
        for bucket, key, path in objects:
            if bucket not in made:
                client.create_bucket(Bucket=bucket)
                made.add(bucket)
            client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
        yield endpoint
    finally:
        server.stop()
