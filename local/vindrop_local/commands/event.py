"""``vindrop event``: an event as a platform delivers it, for any object."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from vindrop_local.errors import UserError
from vindrop_local.sample_events import BASES, REQUESTS, WRAPPERS, build
from vindrop_local.sample_events.http import API_KEY
from vindrop_local.terminal import json_text


def event(
    kind: Annotated[str, typer.Argument(help=f"One of {', '.join((*BASES, *REQUESTS))}.")],
    *,
    bucket: Annotated[
        str, typer.Option(help="Bucket; on Tencent with the account's number (name-appid).")
    ] = "",
    key: Annotated[
        str, typer.Option(help="Object key, as it is: nothing encoded.")
    ] = "plate-04.jpg",
    region: Annotated[str, typer.Option(help="Such as ap-guangzhou or us-east-1.")] = "",
    size: Annotated[int, typer.Option(help="Bytes of the object.", min=0)] = 0,
    reference: Annotated[
        str, typer.Option(help="The uploader's own, such as a stock or order number.")
    ] = "",
    inside: Annotated[
        list[str] | None,
        typer.Option(
            "--in", help=f"The message that holds it, innermost first: {', '.join(WRAPPERS)}."
        ),
    ] = None,
    photo: Annotated[
        Path | None,
        typer.Option(help="An HTTP request brings this photo, instead of naming an object."),
    ] = None,
    api_key: Annotated[
        str, typer.Option(help="What an HTTP request is let in with (VINDROP_API_KEYS).")
    ] = API_KEY,
    as_json: Annotated[bool, typer.Option("--json", help="The event as one line.")] = False,
) -> None:
    """Print an event: `vindrop event cos --key plate-04.jpg | vindrop invoke upload -`.

    HTTP requests are for the function http_api:
    `vindrop event http-aws-url --photo a.jpg | vindrop invoke http_api -`.
    """
    if kind not in BASES and kind not in REQUESTS:
        raise UserError(f"there is no event {kind}: there are {', '.join((*BASES, *REQUESTS))}")
    if photo is not None and kind not in REQUESTS:
        raise UserError(f"{kind} brings no photo: --photo is for {', '.join(REQUESTS)}")
    for name in inside or []:
        if name not in WRAPPERS:
            raise UserError(f"there is no message {name}: --in takes {', '.join(WRAPPERS)}")
    if not key:
        raise UserError("--key is empty: name an object")
    try:
        found = build(
            kind,
            bucket=bucket,
            key=key,
            region=region,
            size=size,
            reference=reference,
            inside=inside or (),
            photo=photo.read_bytes() if photo is not None else None,
            api_key=api_key,
        )
    except OSError as error:
        raise UserError(f"cannot read {photo}: {error.strerror}") from None
    except ValueError as error:
        raise UserError(str(error)) from None
    sys.stdout.write(json_text(found, indent=None if as_json else 2) + "\n")
