"""Our own reader in the function's process: the same answers, no call, and no surprise where it is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from tests import bombs
from tests.pipeline.conftest import SAMPLES, World, process
from vindrop import wiring
from vindrop.core.image_memory import resident_mb
from vindrop.core.invocation import Budget
from vindrop.core.photo import Photo, Sent
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError
from vindrop.domain.records import DeadLetter, Reading
from vindrop.domain.upload import Upload
from vindrop.recognizers.inprocess import InProcess


def test_one_container_reads_without_a_server_and_without_a_bill(world: World) -> None:
    before = world.calls()
    app = world.app(VINDROP_RECOGNIZERS="own=inprocess:")
    assert process(app, world.photo()).end == "reading"
    (reading,) = world.readings()
    assert (reading.vin, reading.vinocr.endpoint, reading.vinocr.billed) == (
        "5NPEVYK97FD841835", "inprocess", 0,
    )  # fmt: skip
    assert reading.characters is not None
    assert "".join(each.character for each in reading.characters) == reading.vin
    assert reading.vin_box is not None
    assert world.calls() == before


def test_its_answers_are_those_of_the_server(world: World) -> None:
    process(world.app(), world.photo())
    process(world.app(VINDROP_RECOGNIZERS="own=inprocess:"), world.photo())
    one, other = world.readings()
    assert one.vin == other.vin
    assert other.confidence == pytest.approx(one.confidence, abs=1e-5)
    assert [c.confidence for c in other.characters or ()] == pytest.approx(
        [c.confidence for c in one.characters or ()], abs=1e-5
    )
    for mine, theirs in zip(one.vin_box or (), other.vin_box or (), strict=True):
        assert mine == pytest.approx(theirs, abs=1e-5)


def test_a_photo_without_a_vin_goes_on_to_the_next_one(world: World) -> None:
    there = world.vinocr.endpoint
    app = world.app(VINDROP_RECOGNIZERS=f"own=inprocess: second={there}")
    negative = next(SAMPLES.glob("no-vin*"), None) or next(SAMPLES.glob("negative*"))
    outcome = process(app, world.upload(negative.read_bytes()))
    assert isinstance(outcome.record, DeadLetter)
    assert [call.name for call in outcome.record.recognizers] == ["own", "second"]
    assert outcome.record.billed == 0


def test_damaged_bytes_are_a_failure_and_no_crash() -> None:
    data = (SAMPLES / "plate-04.jpg").read_bytes()
    with pytest.raises(FailureError) as raised:
        InProcess().recognize(Photo("bytes", data=data[: len(data) // 3]))
    assert raised.value.failure.code == "FailedOperation.ImageDecodeFailed"


def test_a_photo_that_would_fill_the_functions_memory_is_refused_and_no_crash(world: World) -> None:
    app = world.app(VINDROP_RECOGNIZERS="own=inprocess:")
    wiring._tell_memory(app, int(resident_mb()) + 300)
    recognizer = app.engines[0].recognizer
    progressive = bombs.jpeg_claiming(12_000, 10_000, progressive=True, subsampling=0)
    with pytest.raises(FailureError, match="of memory to decode") as raised:
        recognizer.recognize(Photo("bytes", data=progressive))
    assert raised.value.failure.code == error_codes.TOO_MANY_PIXELS


def test_an_address_is_fetched_by_nobody_here(world: World) -> None:
    app = world.app(VINDROP_RECOGNIZERS="own=inprocess:")
    upload = Upload("http", "url", "local", "https://169.254.169.254/x", "v")
    sent = Sent(url="https://169.254.169.254/x")
    outcome = app.interactive.process(upload, Budget(30), sent)
    assert not isinstance(outcome.record, Reading)


def test_the_reader_is_imported_only_where_it_is_asked_for(root: Path, tmp_path: Path) -> None:
    code = """
import sys
from vindrop import settings, wiring
given = {"VINDROP_RESULTS": "file:///dev/null", "VINDROP_DEAD_LETTERS": "file:///dev/null",
         "VINDROP_LEDGER": "none", "VINDROP_RECOGNIZERS": sys.argv[1],
         "VINDROP_VINOCR_SECRET_ID": "a", "VINDROP_VINOCR_SECRET_KEY": "b"}
if len(sys.argv) > 2:
    sys.modules["vinocr"] = None
try:
    wiring.build(settings.load(given), {})
except Exception as error:
    print(type(error).__name__, error)
print(sorted(name for name in sys.modules if name.startswith(("vinocr", "onnxruntime"))))
"""

    def run(*arguments: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True,
            cwd=root,
        ).stdout  # fmt: skip

    assert run("own=http://h cloud=http://i").strip() == "[]"
    there = run("own=inprocess:")
    assert "vinocr.reader" in there
    assert "onnxruntime" not in there, "the networks are loaded with the first photo"
    assert run("own=inprocess:", "missing").startswith(
        "StoreSettingError VINDROP_RECOGNIZERS asks for inprocess:, which needs the package vinocr"
    )


def test_threads_share_one_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    import vinocr.reader

    class Counted:
        def __init__(self) -> None:
            made.append(self)

    monkeypatch.setattr(vinocr.reader, "Reader", Counted, raising=False)
    recognizer = cast("Any", InProcess())
    assert recognizer._loaded() is recognizer._loaded()
    assert len(made) == 1
