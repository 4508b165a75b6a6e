"""``vindrop event``: an event as a platform delivers it, for any object."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from vindrop_local.errors import UserError
from vindrop_local.sample_events import BASES, WRAPPERS, build


def event(
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join(BASES)}.")],
    *,
    bucket: Annotated[
        str, typer.Option(help="Bucket; on Tencent with the account's number (name-appid).")
    ] = "",
    key: Annotated[
        str, typer.Option(help="Object key, as it is: nothing encoded.")
    ] = "plate-04.jpg",
    region: Annotated[str, typer.Option(help="Such as ap-guangzhou or us-east-1.")] = "",
    size: Annotated[int, typer.Option(help="Bytes of the object.", min=0)] = 0,
    inside: Annotated[
        list[str] | None,
        typer.Option(
            "--in", help=f"The message that holds it, innermost first: {', '.join(WRAPPERS)}."
        ),
    ] = None,
) -> None:
    """Print an event: `vindrop event cos --key a.jpg | vindrop invoke upload -`."""
    if kind not in BASES:
        raise UserError(f"there is no event {kind}: there are {', '.join(BASES)}")
    for name in inside or []:
        if name not in WRAPPERS:
            raise UserError(f"there is no message {name}: --in takes {', '.join(WRAPPERS)}")
    if not key:
        raise UserError("--key is empty: name an object")
    try:
        found = build(kind, bucket=bucket, key=key, region=region, size=size, inside=inside or ())
    except ValueError as error:
        raise UserError(str(error)) from None
    sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")
