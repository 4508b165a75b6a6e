"""Reader processes: bounded queue, hung and dead ones replaced, no answer lost or mixed up.

The readers here are small programs that speak the real frames: what is tested is the pool.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable

import pytest

from vinocr.api.codes import ApiError
from vinocr.serve.reader_pool import ReaderPool

READER = """
import os, sys, time
from vinocr.serve.reader_process import read_image, write_answer
out = sys.stdout.buffer
write_answer(out, "ready")
while (image := read_image(sys.stdin.buffer)) is not None:
    word, _, rest = image.decode().partition(" ")
    if word == "die":
        os._exit(3)
    if word == "garbage":
        out.write(b"garbage garbage\\n"); out.flush(); continue
    if word == "refuse":
        write_answer(out, "refused", code=rest); continue
    if word == "fail":
        write_answer(out, "failed", why="ValueError at x.py:1"); continue
    if word == "sleep":
        seconds, _, rest = rest.partition(" ")
        time.sleep(float(seconds))
    write_answer(out, "answer", answer={
        "vin": None, "as_read": rest, "confidence": 0.5, "characters": [0.5],
        "quadrilateral": [[0, 0], [1, 0], [1, 1], [0, 1]],
        "alternatives": [{"vin": "X", "confidence": 0.1}], "reason": "no_vin",
        "barcode": False, "looks": os.getpid(), "milliseconds": 1.0})
"""


def with_pool(
    test: Callable[[ReaderPool], Awaitable[None]], *, program: str = READER, **settings: float
) -> None:
    async def run() -> None:
        about = {"workers": 2, "queue": 50, "queue_seconds": 20.0, "read_seconds": 20.0, **settings}
        pool = ReaderPool([sys.executable, "-c", program], dict(os.environ), **about)  # type: ignore[arg-type]
        pool.start()
        try:
            await asyncio.wait_for(test(pool), 60)
        finally:
            await pool.close()
        assert pool.ready == 0
        assert all(not reader.usable for reader in pool._line._free)

    asyncio.run(run())


async def read(pool: ReaderPool, text: str) -> str:
    return (await pool.read(text.encode())).as_read


def test_answers_reach_their_own_callers() -> None:
    async def test(pool: ReaderPool) -> None:
        texts = [f"say {n}" for n in range(40)]
        assert await asyncio.gather(*(read(pool, t) for t in texts)) == [t[4:] for t in texts]

    with_pool(test)


def test_a_large_image_goes_through_whole() -> None:
    async def test(pool: ReaderPool) -> None:
        answers = await asyncio.gather(
            *(read(pool, f"say {n}" + " " * 3_000_000) for n in range(4))
        )
        assert [a.strip() for a in answers] == ["0", "1", "2", "3"]

    with_pool(test)


def test_a_full_queue_refuses_at_once() -> None:
    async def test(pool: ReaderPool) -> None:
        await read(pool, "say ready")
        slow = [asyncio.create_task(read(pool, f"sleep 0.5 {n}")) for n in range(5)]
        await asyncio.sleep(0.1)
        with pytest.raises(ApiError, match="ResourceInsufficient"):
            await pool.read(b"say one too many")
        assert await asyncio.gather(*slow) == [str(n) for n in range(5)], (
            "those that wait are answered"
        )

    with_pool(test, workers=1, queue=4)


def test_a_wait_has_an_end() -> None:
    async def test(pool: ReaderPool) -> None:
        await read(pool, "say ready")
        pool.queue_seconds = 0.4
        slow = asyncio.create_task(read(pool, "sleep 1 done"))
        await asyncio.sleep(0.3)
        with pytest.raises(ApiError, match="ResourceInsufficient"):
            await pool.read(b"say impatient")
        assert await slow == "done"
        assert await read(pool, "say next") == "next"

    with_pool(test, workers=1)


def test_a_hung_reader_is_replaced_and_its_late_answer_reaches_nobody() -> None:
    async def test(pool: ReaderPool) -> None:
        with pytest.raises(ApiError, match="EngineRecognizeTimeout"):
            await pool.read(b"sleep 1.5 late")
        for n in range(5):
            assert await read(pool, f"say {n}") == str(n)
        await asyncio.sleep(1.5)
        assert await read(pool, "say on time") == "on time"
        assert pool.restarts == 1

    with_pool(test, workers=1, read_seconds=0.8)


@pytest.mark.parametrize("word", ["die", "garbage"])
def test_a_reader_that_dies_costs_one_call(word: str) -> None:
    async def test(pool: ReaderPool) -> None:
        with pytest.raises(ApiError, match="UnKnowError"):
            await pool.read(word.encode())
        assert await read(pool, "say next") == "next"

    with_pool(test, workers=1)


def test_errors_of_images_leave_the_reader_alone(capsys: pytest.CaptureFixture[str]) -> None:
    async def test(pool: ReaderPool) -> None:
        first = (await pool.read(b"say x")).looks
        for code, name in (
            ("too_many_pixels", "FailedOperation.ImageSizeTooLarge"),
            ("undecodable", "FailedOperation.ImageDecodeFailed"),
            ("empty", "FailedOperation.EmptyImageError"),
        ):
            with pytest.raises(ApiError) as caught:
                await pool.read(f"refuse {code}".encode())
            assert caught.value.code == name
        with pytest.raises(ApiError, match="InternalError"):
            await pool.read(b"fail")
        assert "ValueError at x.py:1" in capsys.readouterr().err, "the log has its place"
        assert (await pool.read(b"say x")).looks == first

    with_pool(test, workers=1)


def test_readers_that_never_start(capsys: pytest.CaptureFixture[str]) -> None:
    async def test(pool: ReaderPool) -> None:
        for _ in range(2):
            with pytest.raises(ApiError, match="ResourceUnavailable"):
                await pool.read(b"say x")
        assert "out of order" in capsys.readouterr().err

    with_pool(test, program="raise SystemExit('out of order')")


def test_a_program_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    async def run() -> None:
        pool = ReaderPool(["/nowhere/python"], {}, 1, 5, 20, 20)
        pool.start()
        try:
            with pytest.raises(ApiError, match="ResourceUnavailable"):
                await pool.read(b"say x")
            assert "FileNotFoundError" in capsys.readouterr().err
        finally:
            await pool.close()

    asyncio.run(run())


def test_a_caller_that_gives_up_does_not_poison_the_next() -> None:
    async def test(pool: ReaderPool) -> None:
        await read(pool, "say ready")
        reading = asyncio.create_task(read(pool, "sleep 0.3 first"))
        waiting = asyncio.create_task(read(pool, "say second"))
        await asyncio.sleep(0.1)
        waiting.cancel()
        reading.cancel()
        await asyncio.gather(reading, waiting, return_exceptions=True)
        assert [await read(pool, f"say {n}") for n in range(3)] == ["0", "1", "2"]

    with_pool(test, workers=1)


def test_readers_end_with_the_pool() -> None:
    pids: list[int] = []

    async def test(pool: ReaderPool) -> None:
        pids.append((await pool.read(b"say x")).looks)

    with_pool(test)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_a_close_ends_a_start_whatever_comes_first() -> None:
    """A cancellation that a start has swallowed (`asyncio.wait_for`, Python 3.11) is not the end of it."""

    async def test(pool: ReaderPool) -> None:
        live = pool._live

        async def deaf(number: int) -> str | None:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(30)
            return await live(number)

        pool._live = deaf  # type: ignore[method-assign]
        keeper = asyncio.create_task(pool._keep(9))
        pool._keepers.append(keeper)
        await asyncio.sleep(0)

    async def run() -> None:
        pool = _Pool([sys.executable, "-c", "raise SystemExit(1)"], dict(os.environ), 0, 5, 20, 20)
        await test(pool)
        await asyncio.wait_for(pool.close(), 30)

    asyncio.run(run())


class _Pool(ReaderPool):
    """Without slots: a test replaces one of its methods."""
