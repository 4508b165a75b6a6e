"""What vehicle it is: in the reading where the setting asks for it, and never a reason to fail."""

from __future__ import annotations

import sys

import pytest

from tests.pipeline.conftest import World, process
from vindrop.core.store_errors import StoreSettingError
from vindrop.stores.sql import open_database


def test_a_reading_says_what_vehicle_it_is(world: World) -> None:
    pytest.importorskip("ultravin")
    app = world.app(VINDROP_VEHICLE="true")
    # A Ford of the sample photos: its patterns are registered in North America.
    assert process(app, world.upload(sample="label-05.jpg")).end == "reading"
    (reading,) = world.readings()
    assert (reading.maker, reading.country) == ("Ford", "United States")
    assert reading.manufacturer
    assert reading.vehicle is not None
    assert reading.vehicle.make in {"Ford", None}
    assert reading.vehicle.pattern in {"known", "unknown"}
    database = open_database(f"sqlite:///{world.folder}/vindrop.db")
    [[stored, country]] = database.execute("SELECT vehicle, country FROM vindrop_readings").rows
    assert f'"pattern":"{reading.vehicle.pattern}"' in stored
    assert country == "United States"


def test_by_default_nothing_is_claimed(world: World) -> None:
    assert process(world.app(), world.photo()).end == "reading"
    (reading,) = world.readings()
    assert reading.vehicle is None
    assert reading.maker is not None


def test_without_its_package_the_setting_is_refused_at_the_start(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.delitem(sys.modules, "ultravin", raising=False)
    with pytest.raises(StoreSettingError, match=r"VINDROP_VEHICLE .* install vindrop\[vehicle\]"):
        world.app(VINDROP_VEHICLE="true")
