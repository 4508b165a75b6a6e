"""A server with too much to do: it says so at once, serves accounts in turn, and drops the work of
clients that have gone, which nobody pays for."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.conformance.vinocr_fuzz import JSON, Target, raw, signed
from tests.vinocr.vinocr_support import ID, KEY, b64, photo, stub_reader, wait_until
from vinocr.api.codes import ApiError
from vinocr.launcher import ServerProcess
from vinocr.serve.bodies import BodyReader, BodyTooSlowError
from vinocr.serve.fair_line import FairLine, places
from vinocr.serve.reader_pool import busy_error

Launch = Callable[..., ServerProcess]


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Launch]:
    """Start a server whose readers only wait."""
    running: list[ServerProcess] = []

    def start(seconds: float, **settings: str) -> ServerProcess:
        texts = stub_reader(tmp_path, seconds) | {
            f"VINOCR_{k.upper()}": v for k, v in settings.items()
        }
        vinocr = ServerProcess.start(texts, log=tmp_path / "log.jsonl")
        running.append(vinocr)
        vinocr.wait_ready()
        return vinocr

    yield start
    for vinocr in running:
        vinocr.stop()


def request(vinocr: ServerProcess, words: str = "", padding: int = 0) -> bytes:
    target = Target(vinocr.host, vinocr.port, ID, KEY)
    body = json.dumps({"ImageBase64": b64(photo() + bytes(padding) + words.encode())}).encode()
    return raw("POST", "/", signed(target, body, JSON), body)


def ask(vinocr: ServerProcess, data: bytes) -> tuple[str, str, dict[str, str]]:
    """Send a request; return the code of its answer, the message, and the headers."""
    with socket.create_connection((vinocr.host, vinocr.port), timeout=120) as line:
        line.sendall(data)
        answer = b""
        while b"}}" not in answer and (block := line.recv(65536)):
            answer += block
    head, _, body = answer.partition(b"\r\n\r\n")
    pairs = (each.partition(": ") for each in head.decode().split("\r\n")[1:])
    headers = {name.lower(): value for name, _, value in pairs}
    response = json.loads(body)["Response"]
    error = response.get("Error", {})
    return error.get("Code", "Success"), error.get("Message", ""), headers


def bill(vinocr: ServerProcess) -> float:
    return sum(v for k, v in vinocr.counters().items() if k.startswith("vinocr_calls_billed_total"))


def answered(vinocr: ServerProcess, code: str) -> float:
    counters = vinocr.counters().items()
    names = ("vinocr_calls_answered_total", f'code="{code}"')
    return sum(v for k, v in counters if all(name in k for name in names))


@pytest.mark.parametrize("padding", [0, 200_000])
def test_a_burst_is_read_or_told_when_to_come_back(launch: Launch, padding: int) -> None:
    vinocr = launch(0.2, queue_seconds="1", bodies="8")
    data = request(vinocr, padding=padding)
    ask(vinocr, data)  # now it knows how long a reading takes
    with ThreadPoolExecutor(60) as threads:
        answers = list(threads.map(lambda _: ask(vinocr, data), range(60)))
    codes = Counter(code for code, _, _ in answers)
    assert set(codes) == {"Success", "ResourceInsufficient"}, codes
    for code, message, headers in answers:
        told = headers.get("retry-after")
        assert (code == "Success") == (told is None)
        if told is not None:
            assert int(told) >= 1
            assert re.findall("`([0-9]+)`", message) == [told], "for clients that see no headers"
    assert bill(vinocr) == codes["Success"] + 1


def test_what_could_not_be_read_in_time_is_refused_at_once(launch: Launch) -> None:
    vinocr = launch(0.0, queue_seconds="5")
    assert (
        ask(vinocr, request(vinocr, "sleep=5"))[0] == "Success"
    )  # now it knows how long one takes
    with socket.create_connection((vinocr.host, vinocr.port)) as line:
        line.sendall(request(vinocr, "sleep=3"))
        wait_until(lambda: vinocr.counters()["vinocr_readers_busy"] == 1)
        with ThreadPoolExecutor(1) as threads:  # the first may wait; who comes behind it need not
            first = threads.submit(ask, vinocr, request(vinocr))
            wait_until(lambda: vinocr.counters()["vinocr_queue"] == 1)
            code, message, _ = ask(vinocr, request(vinocr))
            assert not first.done(), "the refusal did not wait for anything"
            assert code == "ResourceInsufficient"
            assert int(re.findall("`([0-9]+)`", message)[0]) >= 5
            assert first.result()[0] == "Success"


def test_work_of_clients_that_have_gone_is_dropped_and_costs_nothing(launch: Launch) -> None:
    vinocr = launch(0.0, queue_seconds="60")
    lines = []
    for words in ("sleep=1", *[""] * 6):
        line = socket.create_connection((vinocr.host, vinocr.port))
        line.sendall(request(vinocr, words))
        lines.append(line)
        wait_until(lambda: vinocr.counters()["vinocr_readers_busy"] == 1)
    wait_until(lambda: vinocr.counters()["vinocr_queue"] == 6)
    for line in lines:
        line.close()
    wait_until(lambda: answered(vinocr, "ClientGone") == 7)
    assert vinocr.counters()["vinocr_queue"] == 0
    assert ask(vinocr, request(vinocr))[0] == "Success"
    assert bill(vinocr) == 1
    assert vinocr.counters()["vinocr_reading_seconds_count"] == 1, "nothing was read for nobody"
    assert vinocr.counters()["vinocr_reader_restarts"] == 0


def test_v1_drops_it_too(launch: Launch) -> None:
    vinocr = launch(0.0)
    lines = [socket.create_connection((vinocr.host, vinocr.port)) for _ in range(3)]
    for line in lines:
        headers = {"Host": vinocr.endpoint, "Content-Type": "image/jpeg"}
        line.sendall(raw("POST", "/v1/vin", headers, photo() + b"sleep=1"))
    wait_until(lambda: vinocr.counters()["vinocr_queue"] == 2)
    for line in lines:
        line.close()
    wait_until(lambda: vinocr.counters()["vinocr_queue"] == 0)
    wait_until(lambda: vinocr.counters().get('vinocr_v1_answers_total{status="408"}') == 3)


# --- the line ------------------------------------------------------------------------------------


def test_owners_take_turns() -> None:
    async def run() -> list[str]:
        line: FairLine[int] = FairLine([0])
        order: list[str] = []

        async def one(owner: str) -> None:
            item = await line.take(owner, 30)
            order.append(owner)
            await asyncio.sleep(0)
            line.give(owner, item)

        tasks = [asyncio.create_task(one("many")) for _ in range(6)]
        tasks += [asyncio.create_task(one(name)) for name in ("one", "two")]
        await asyncio.gather(*tasks)
        return order

    assert asyncio.run(run())[:4] == ["many", "many", "one", "two"]


def test_a_full_line_makes_room_for_who_waits_least() -> None:
    async def run() -> None:
        line: FairLine[int] = FairLine()
        many = [asyncio.create_task(line.take("many", 30)) for _ in range(4)]
        await asyncio.sleep(0)
        assert not line.displace("many", busy_error(1))
        assert line.displace("other", busy_error(1))
        with pytest.raises(ApiError, match="ResourceInsufficient"):
            await many[3]
        assert line.waiting == 3
        for task in many:
            task.cancel()
        await asyncio.gather(*many, return_exceptions=True)
        assert line.waiting == 0

    asyncio.run(run())


def test_nothing_is_lost_when_a_wait_is_given_up_at_the_last_moment() -> None:
    async def run() -> None:
        line: FairLine[int] = FairLine()
        task = asyncio.create_task(line.take("a", 30))
        await asyncio.sleep(0)
        line.add(7)  # handed over, but the task has not run yet
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await line.take("b", 0) == 7

    asyncio.run(run())


def test_no_owner_holds_every_place() -> None:
    async def run() -> None:
        line = places(8)
        for _ in range(6):
            await line.take("greedy", 1)
        with pytest.raises(asyncio.TimeoutError):
            await line.take("greedy", 0.01)
        await line.take("other", 0.01)

    asyncio.run(run())


# --- bodies --------------------------------------------------------------------------------------


class Sender:
    """Plays the client of an ASGI request: chunks, and how long each takes."""

    def __init__(self, chunks: list[bytes], pause: float = 0.0) -> None:
        self._chunks, self._pause = chunks, pause

    async def __call__(self) -> dict[str, object]:
        await asyncio.sleep(self._pause)
        body = self._chunks.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(self._chunks)}


def test_a_place_is_kept_while_the_body_is_used() -> None:
    async def run() -> None:
        line = places(2)
        reader = BodyReader(line, seconds=20, wait_seconds=0.05)
        large = [bytes(70_000), bytes(70_000)]
        too_large = ApiError("RequestSizeLimitExceeded")
        async with reader.read(Sender(large[:]), "a", 10**7, too_large) as body:
            assert len(body.data) == 140_000
            with pytest.raises(ApiError, match="ResourceInsufficient"):  # two places, one for each
                async with reader.read(Sender(large[:]), "a", 10**7, too_large):
                    raise AssertionError("the place was given away while its body was in use")
            async with reader.read(Sender(large[:]), "b", 10**7, too_large):
                assert not line.has_free
                with pytest.raises(ApiError, match="ResourceInsufficient"):
                    async with reader.read(Sender(large[:]), "c", 10**7, too_large):
                        raise AssertionError("a third body in two places")
        assert await line.take("c", 0) in (0, 1), "afterwards it is free"

    asyncio.run(run())


def test_a_body_that_drips_loses_its_place() -> None:
    async def run() -> None:
        line = places(1)
        reader = BodyReader(line, seconds=600, wait_seconds=30)
        drip = Sender([bytes(70_000), *[b"x"] * 10_000], pause=0.05)
        with pytest.raises(BodyTooSlowError):
            async with reader.read(drip, "a", 10**7, ApiError("RequestSizeLimitExceeded")):
                raise AssertionError("it never arrived")
        assert line.has_free

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_body_that_has_not_come_needs_no_place() -> None:
    async def run() -> None:
        line = places(1)
        await line.take("another", 0)
        reader = BodyReader(line, seconds=0.3, wait_seconds=0)
        too_large = ApiError("RequestSizeLimitExceeded")
        async with reader.read(Sender([b"x"] * 1000), "a", 10**7, too_large) as body:
            assert len(body.data) == 1000
        with pytest.raises(BodyTooSlowError):
            async with reader.read(Sender([b"x"] * 1000, pause=0.01), "a", 10**7, too_large):
                raise AssertionError("it never arrived")

    asyncio.run(run())
