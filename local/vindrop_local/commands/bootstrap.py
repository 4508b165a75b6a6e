"""``vindrop bootstrap``: from an empty account to one that `osls deploy` can deploy to."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from vindrop_local.commands.options import Json
from vindrop_local.errors import UserError
from vindrop_local.language import chosen, colon, said
from vindrop_local.tencent_bootstrap import MADE, THERE, Done, Step, account, bucket, carry_out
from vindrop_local.tencent_bootstrap import database as databases
from vindrop_local.tencent_bootstrap.cloud import Cloud
from vindrop_local.tencent_bootstrap.env_file import EnvFile
from vindrop_local.terminal import console, json_text, shown

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)
_STYLES = {THERE: ("=", "dim"), MADE: ("+", "bold green")}


@app.callback()
def default() -> None:
    """Make what a deployment needs of an empty account."""


@app.command()
def tencent(
    *,
    region: Annotated[str, typer.Option(help="Region of bucket, functions and database.")] = "",
    photos: Annotated[
        str,
        typer.Option("--bucket", help="The photos' bucket, with or without the account's number."),
    ] = "",
    stage: Annotated[
        str, typer.Option(help="As in `osls deploy --stage`: all names carry it.")
    ] = "dev",
    env_file: Annotated[
        Path,
        typer.Option("--env-file", help="Where keys and addresses are written; osls reads .env."),
    ] = Path(".env"),
    database: Annotated[
        bool,
        typer.Option(
            "--database/--no-database",
            help="A serverless database for ledger, readings and dead letters; without: you bring one.",
        ),
    ] = True,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it. Without: only say what is missing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make bucket, SCF's role, a deploying sub-account and the smallest database. Shows only, without --yes.

    Keys come from TENCENT_SECRET_ID and TENCENT_SECRET_KEY: those of the account or an administrator.
    What is there already stays as it is; run twice, the second run changes nothing.
    """
    file = EnvFile(env_file)
    region = region or file.get("REGION") or "ap-guangzhou"
    cloud = Cloud(os.environ, region)
    out = console(error=as_json)
    counts = {THERE: 0, MADE: 0}
    for done in carry_out(_steps(cloud, file, photos, stage, database=database), dry_run=not yes):
        counts[done.state] = counts.get(done.state, 0) + 1
        if as_json:
            sys.stdout.write(json_text(done.as_json()) + "\n")
            sys.stdout.flush()
        else:
            _print(done)
    missing = sum(counts.values()) - counts[THERE] - counts[MADE]
    if missing:
        out.print(f"{missing} to be made: nothing was changed; --yes makes them", soft_wrap=True)
    elif counts[MADE]:
        out.print(
            f"{counts[MADE]} made; {shown(env_file)} is filled in: npx osls deploy", soft_wrap=True
        )
    else:
        out.print("all of it is there: nothing was changed", soft_wrap=True)


def _steps(cloud: Cloud, file: EnvFile, photos: str, stage: str, *, database: bool) -> list[Step]:
    if not (stage.isascii() and stage.replace("-", "").isalnum() and len(stage) <= 20):
        raise UserError(f"--stage is {stage!r}: up to 20 letters, digits and hyphens")
    found = cloud.call("cam", "GetUserAppId")
    appid, name = str(found["AppId"]), f"vindrop-{stage}"
    photos = bucket.full_name(photos or file.get("BUCKET") or "photos", appid, cloud.region)
    document = account.deploy_policy(cloud.region, appid, photos, name)
    lines = {"CLOUD": "tencent", "BUCKET": photos, "REGION": cloud.region}
    steps = [
        *bucket.steps(cloud, photos),
        account.service_role(cloud),
        *account.sub_account(cloud, name, document, file),
    ]
    if database and file.get("VINDROP_LEDGER") and not file.get(databases.PASSWORD):
        raise UserError(
            f"{file.path} names a ledger already: add --no-database to keep it, or take the line "
            "VINDROP_LEDGER away to have a database made"
        )
    if database:
        steps += databases.steps(cloud, name, file)
    elif not file.get("VINDROP_LEDGER"):
        raise UserError(
            f"--no-database: write VINDROP_LEDGER, VINDROP_RESULTS and VINDROP_DEAD_LETTERS of your own "
            f"database into {file.path} first"
        )
    steps.append(
        Step(
            "settings",
            f"in {file.path}",
            lambda: ", ".join(file.missing(lines)),
            lambda: file.put(lines),
        )
    )
    return steps


def _print(done: Done) -> None:
    mark, style = _STYLES.get(done.state, ("?", "yellow"))
    out = console()
    zh = chosen() == "zh"
    detail = said(done.detail)
    about = "" if not detail else f"（{detail}）" if zh else f" ({detail})"
    what = f"{said(done.step.kind)} {said(done.step.name)}{colon()}{said(done.state)}{about}"
    line = f"{mark} {shown(what)}"
    out.print(line, style=style, soft_wrap=True)
    if done.step.document and done.state != THERE:
        out.print(json.dumps(done.step.document, indent=2), style="dim", soft_wrap=True)
