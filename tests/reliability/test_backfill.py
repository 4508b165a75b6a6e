"""Backfill against a bucket that speaks COS and one that speaks S3: each photo once, whatever came before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bench.rig.world import BUCKET, REGION, World
from tests import needs, secrets
from tests.stores.fixtures import Servers
from vindrop import settings as settings_module
from vindrop.clouds import Stores
from vindrop.clouds.listing import PlaceError, parse_place
from vindrop.core.app import App
from vindrop.core.backfill import Backfill, NoCatalogueError
from vindrop.core.invocation import Invocation
from vindrop.stores import sql
from vindrop.triggers import step as step_function
from vindrop.triggers import upload_function
from vindrop.wiring import build

PHOTOS = 25


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with World(tmp_path, rate=500, speed=20) as world:
        store = f"sqlite:///{tmp_path}/vindrop.db"
        world.environment |= {
            "VINDROP_LEDGER": store,
            "VINDROP_RESULTS": store,
            "VINDROP_DEAD_LETTERS": store,
            "VINDROP_RETRY_SECONDS": "0.1",
        }
        yield world
        sql.forget(store)


def an_app(environment: dict[str, str], **changes: str) -> App:
    own = {name: v for name, v in environment.items() if name.startswith("VINDROP_")}
    return build(settings_module.load({**own, **changes}), environment)


def a_run(world: World, app: App, prefix: str = "", before: float | None = None) -> Backfill:
    return Backfill(
        app,
        lambda: app.storage.of("tencent").pages(BUCKET, REGION, prefix),
        before=time.time() + 60 if before is None else before,
    )


def indexed(world: World, app: App, count: int) -> list[dict[str, Any]]:
    """Put photos into the bucket and wait until it lists them."""
    events = world.uploads(count)
    for _ in range(400):
        if a_run(world, app).count().listed >= count:
            return events
        time.sleep(0.05)
    raise AssertionError("the bucket never listed its photos")


def test_what_an_event_brought_is_not_paid_for_again_and_the_rest_once(world: World) -> None:
    app = an_app(world.environment)
    events = indexed(world, app, PHOTOS)
    for event in events[:5]:
        upload_function.process(app, event, Invocation("local", "", "", 60))
    survey = a_run(world, app).count()
    assert (survey.listed, survey.known, survey.left) == (PHOTOS, 5, PHOTOS - 5)
    assert a_run(world, app).run() == {"reading": PHOTOS - 5}
    assert a_run(world, app).run() == {}
    assert world.vinocr.calls().billed == PHOTOS
    assert app.ledger.counts() == {"delivered": PHOTOS}


@pytest.fixture(params=["sqlite", "dynamodb"])
def any_ledger(request: pytest.FixtureRequest, world: World, servers: Servers) -> App:
    """An app whose ledger is of one kind or another."""
    if request.param == "dynamodb":
        name = f"t{uuid.uuid4().hex[:12]}"
        endpoint = servers["aws"].endpoint
        world.environment |= secrets.AWS
        world.environment["VINDROP_LEDGER"] = f"dynamodb://us-east-1/{name}?endpoint={endpoint}"
        world.environment["VINDROP_RATE_LIMITER"] = "memory"
    return an_app(world.environment)


def test_an_object_is_one_bill_by_event_by_step_and_by_backfill(
    world: World, any_ledger: App
) -> None:
    app = any_ledger
    events = indexed(world, app, 6)
    upload_function.process(app, events[0], Invocation("local", "", "", 60))
    (record,) = events[0]["Records"]
    key = record["cos"]["cosObject"]["key"].split("/", 3)[3]
    for _ in range(2):
        step = {"cloud": "tencent", "bucket": BUCKET, "region": REGION, "key": key}
        assert step_function.process(app, step, Invocation("local", "", "", 60))["vin"]
    assert a_run(world, app).run() == {"reading": 5}
    assert a_run(world, app).run() == {}
    assert world.vinocr.calls().billed == 6
    assert app.ledger.counts() == {"delivered": 6}


def test_a_photo_put_in_anew_is_read_anew(world: World) -> None:
    app = an_app(world.environment)
    indexed(world, app, 3)
    a_run(world, app).run()
    path = world.bucket.folder / "000001.jpg"
    later = time.time() + 30
    path.write_bytes(path.read_bytes().replace(b":1", b":7"))
    os.utime(path, (later, later))
    for _ in range(400):
        if a_run(world, app).count().left:
            break
        time.sleep(0.05)
    assert a_run(world, app).run() == {"reading": 1}


def test_what_is_young_or_under_another_prefix_is_left_alone(world: World) -> None:
    app = an_app(world.environment)
    indexed(world, app, 12)
    young = a_run(world, app, before=time.time() - 3600).count()
    assert (young.young, young.left) == (12, 0)
    assert a_run(world, app, prefix="00001").count().listed == 2
    assert world.vinocr.calls().received == 0


def test_without_a_ledger_that_knows_places_it_refuses(world: World) -> None:
    app = an_app(world.environment, VINDROP_LEDGER="none")
    with pytest.raises(NoCatalogueError):
        a_run(world, app).count()


def test_the_command_counts_reckons_and_reads(world: World) -> None:
    indexed(world, an_app(world.environment), 4)

    def command(*options: str, without: tuple[str, ...] = ()) -> dict[str, Any]:
        given = {k: v for k, v in world.environment.items() if not k.startswith(without or "-")}
        done = subprocess.run(
            [
                *(sys.executable, "-m", "vindrop_local", "backfill", f"cos://{BUCKET}/"),
                *("--region", REGION, "--young", "0", "--json", *options),
            ],
            env={**os.environ, **given, "VINDROP_PRICE_PER_CALL": "0.15"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout.splitlines()[-1]))

    counted = command("--dry-run")
    assert (counted["left"], counted["price"], counted["ended"]) == (4, 0.6, {})
    asked_before = ("VINDROP_RESULTS", "VINDROP_DEAD_LETTERS", "VINDROP_VINOCR_")
    assert command("--dry-run", without=asked_before) == counted  # before anything is deployed
    assert command()["ended"] == {"reading": 4}
    assert command()["known"] == 4
    assert world.vinocr.calls().billed == 4


@pytest.mark.parametrize("place", ["photos", "http://bucket/x", "cos://", "s3://b?x=1"])
def test_a_place_that_is_none_is_told(place: str) -> None:
    with pytest.raises(PlaceError, match="cos://"):
        parse_place(place)


def test_s3_is_listed_to_the_end(tmp_path: Path) -> None:
    needs.module("moto", package="moto[server]")
    from vindrop_local import s3

    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"\xff\xd8\xff")
    keys = [f"in/{n:04d} ü+.jpg" for n in range(1003)]
    with s3.serve(("photos", key, photo) for key in [*keys, "out/1.jpg"]) as endpoint:
        settings = settings_module.load(
            {
                "VINDROP_LEDGER": "none",
                "VINDROP_RESULTS": "file:///dev/null",
                "VINDROP_DEAD_LETTERS": "file:///dev/null",
                "VINDROP_STORAGE_ENDPOINT": endpoint,
            }
        )
        keys_of = secrets.AWS
        listed = list(Stores(settings, keys_of).of("aws").pages("photos", "us-east-1", "in/"))
    assert [len(page) for page in listed] == [1000, 3]
    found = [upload for page in listed for upload in page]
    assert [upload.key for upload in found] == keys
    assert all(upload.size == 3 and upload.uploaded_at and upload.version for upload in found)
