"""``vindrop invoke``: one function, one event, as a platform would."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from vindrop import triggers
from vindrop.clouds import own_cloud
from vindrop.clouds.oss import OSS
from vindrop.clouds.s3 import S3
from vindrop.domain.upload import Upload
from vindrop.http import photos
from vindrop.http.problems import ProblemError
from vindrop.http.request import UnknownRequestError, parse
from vindrop.settings import PREFIX
from vindrop_local import s3
from vindrop_local.commands.options import STATE, Json, State
from vindrop_local.errors import UserError
from vindrop_local.platform import FunctionSpec, Identity, LogLine, Platform, Result
from vindrop_local.platform.spec import Style
from vindrop_local.sample_events.http import API_KEY
from vindrop_local.stack import APPID, FUNCTION_SECONDS, REGION, ROOT, Place, Stack
from vindrop_local.terminal import console, json_text, shown


def invoke(
    function: Annotated[str, typer.Argument(help="Folder under functions/, such as upload.")],
    event: Annotated[Path, typer.Argument(help="JSON file with the event; - for standard input.")],
    *,
    platform: Annotated[str, typer.Option(help="Whose calling convention: scf or lambda.")] = "scf",
    bucket: Annotated[
        Path | None,
        typer.Option(
            "--bucket",
            help="Folder with the objects that the event names. Default: the sample photos.",
        ),
    ] = None,
    state: State = STATE / "invoke",
    as_json: Json = False,
) -> None:
    """Call a function with an event, in a process of its own, and show its answer.

    With VINDROP_RESULTS set the function works with your settings and your cloud's keys; without,
    with a bucket and a VinOCR on this machine.
    """
    if platform not in {"scf", "lambda"}:
        raise UserError(f"--platform is {platform}: it takes scf or lambda")
    style: Style = "scf" if platform == "scf" else "lambda"
    code = ROOT / "functions" / function
    if not (code / "handler.py").is_file():
        there = sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))
        raise UserError(f"there is no function {function}: there are {', '.join(there)}")
    payload = _payload(event)
    if f"{PREFIX}RESULTS" in os.environ:
        given = {name for names in OSS.role_variables for name in names} | {OSS.region_variable}
        environment = {
            k: v for k, v in os.environ.items() if k.startswith(PREFIX) or (k in given and v)
        }
        result = _call(function, code, payload, style, environment, _own_identity())
    else:
        result = _with_stack(function, code, payload, style, bucket, state)
    _show(result, as_json=as_json)
    if not result.ok:
        raise typer.Exit(1)


def _payload(event: Path) -> Any:
    if str(event) == "-" and sys.stdin is None:
        raise UserError("standard input is closed: name a JSON file with the event")
    try:
        text = sys.stdin.read() if str(event) == "-" else event.read_text()
        return json.loads(text)
    except OSError as error:
        raise UserError(f"cannot read {event}: {error.strerror}") from None
    except ValueError as error:
        raise UserError(f"{event} is not JSON: {error}") from None


def _own_identity() -> Identity:
    given = os.environ.get
    return Identity(
        appid=given("TENCENTCLOUD_APPID", APPID),
        region=given("TENCENTCLOUD_REGION") or given("AWS_REGION") or REGION,
        secret_id=given("TENCENTCLOUD_SECRETID") or given("AWS_ACCESS_KEY_ID") or "",
        secret_key=given("TENCENTCLOUD_SECRETKEY") or given("AWS_SECRET_ACCESS_KEY") or "",
        session_token=given("TENCENTCLOUD_SESSIONTOKEN") or given("AWS_SESSION_TOKEN") or "",
    )


def _with_stack(
    function: str, code: Path, payload: Any, style: Style, bucket: Path | None, state: Path
) -> Result:
    folder = bucket or ROOT / "events" / "photos"
    if not folder.is_dir():
        raise UserError(f"{folder} is not a folder: name one with the objects that the event names")
    with contextlib.ExitStack() as also:
        objects = also.enter_context(tempfile.TemporaryDirectory(prefix="vindrop-objects-"))
        # A copy, so that nothing announces the folder's own photos as uploads.
        shutil.copytree(folder, objects, dirs_exist_ok=True)
        with console(error=True).status("starting a bucket and VinOCR …"):
            stack = also.enter_context(Stack(Place(state, Path(objects)), watch=False))
        # On either platform the function may read either cloud, under these keys: the platform
        # injects those of its own cloud.
        key_id, key = stack.account.secret_id, stack.account.secret_key
        other = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        if style == "lambda":
            other = ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY")
        environment = {
            **stack.environment,
            "VINDROP_VINOCR_SECRET_ID": key_id,
            "VINDROP_VINOCR_SECRET_KEY": key,
            **dict(zip(other, (key_id, key), strict=True)),
        }
        if function == "http_api":  # as open as the samples need: nobody else can call it
            environment["VINDROP_API_KEYS"] = API_KEY
        bucket_name = _s3_bucket(payload, style)
        if bucket_name is not None:
            environment["VINDROP_ALLOWED_BUCKETS"] = bucket_name
            files = [path for path in folder.rglob("*") if path.is_file()]
            named = [(bucket_name, each.relative_to(folder).as_posix(), each) for each in files]
            environment["VINDROP_STORAGE_ENDPOINT"] = also.enter_context(s3.serve(named))
        return _call(function, code, payload, style, environment, stack.platform.identity)


def _s3_bucket(payload: Any, style: Style) -> str | None:
    """Return the S3 bucket that the event names, where it names one."""
    with contextlib.suppress(UnknownRequestError, ProblemError):
        named, _ = photos.read(parse(payload))
        if not isinstance(named, photos.ObjectNamed):
            return None
        return named.bucket if (named.cloud or own_cloud(style)) == S3.cloud else None
    try:
        arrivals = triggers.read(payload).arrivals
    except triggers.UnknownEventError:
        return None
    for arrival in arrivals:
        if isinstance(arrival, Upload) and arrival.cloud == OSS.cloud:
            raise UserError(
                "this machine has no bucket that speaks OSS: set VINDROP_RESULTS, "
                f"{' and '.join(OSS.role_variables[0][:2])}, and the function reads the real one"
            )
        if isinstance(arrival, Upload) and arrival.cloud == S3.cloud:
            return arrival.bucket
    return None


def _call(
    function: str,
    code: Path,
    payload: Any,
    style: Style,
    environment: dict[str, str],
    identity: Identity,
) -> Result:
    lines = console(error=True)

    def on_log(line: LogLine) -> None:
        lines.print(shown(line.text), style="dim", soft_wrap=True)

    spec = FunctionSpec(
        function,
        code,
        environment=environment,
        timeout_seconds=FUNCTION_SECONDS,
        concurrency=1,
        style=style,
    )
    with (
        tempfile.TemporaryDirectory(prefix="vindrop-") as folder,
        Platform(Path(folder), [spec], identity=identity, on_log=on_log) as platform,
    ):
        return platform.invoke(function, payload)


def _show(result: Result, *, as_json: bool) -> None:
    if as_json:
        found = {
            "ok": result.ok,
            "value": result.value,
            "error_type": result.error_type or None,
            "error_message": result.error_message or None,
            "seconds": round(result.seconds, 3),
            "request_id": result.request_id,
        }
        sys.stdout.write(json_text(found) + "\n")
        return
    out = console()
    if result.ok:
        out.print_json(json_text(result.value))
    else:
        out.print(
            shown(f"{result.error_type}: {result.error_message}"), style="red", soft_wrap=True
        )
