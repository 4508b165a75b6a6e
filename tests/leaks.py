"""No output of any test holds a secret: a pytest plugin that looks for `tests.secrets` in all of it.

After each test, in every worker of xdist, it searches

- what the test printed and logged, also what it took back with capsys, capfd or caplog;
- what the processes printed that the test started, through pipes or into files;
- every file that was written under ``tmp_path`` and into folders of ``tmp_path_factory``:
  databases with ledger, readings and dead letters, files of records, logs;
- what helpers handed to `heard`: answers to HTTP callers, messages read out of queues.

A test that leaked fails; what servers that outlive a test leak fails the test that ran then. Where
pytest captures nothing (``-s``), what is printed is not searched.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Generator, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

import pytest
from _pytest.capture import CaptureFixture
from _pytest.logging import LogCaptureFixture

from tests.secrets import find

INPUTS: Final = {
    "faults.json": "what VinOCR is told to answer, planted sentences among it",
    "accounts.*": "VinOCR's own list of keys",
    "account.json": "the keys that a local stack has made for itself: these are looked for, too",
    "api-key": "the key of its HTTP function: looked for, too",
    "admin-key": "the key of its console: looked for, too",
    "vindrop.sqlite*": "the local platform's own queue: events as COS sends them, raw",
    "*.env": "settings of a user's own",
    ".env.example": "what a user fills in: a place for a password in a URL",
    "zh.tsv": "sentences of the code, translated: places for a password in a URL",
    "*.py": "code, copied to where a runtime finds it",
    "*.pyc": "the same, compiled",
}
"""Files that are read by the product, by name, and why they may hold a secret."""
_MADE: Final = ("account.json", "api-key", "admin-key")
_LINK: Final = b"/capture#key="
"""`vindrop up` shows whoever started it the link that opens the page, with the key behind the #."""
_LARGEST: Final = 64_000_000
"""Bytes of a file that are searched at most: larger ones are photos of tests about size."""
_LAST: Final = pytest.StashKey[bool]()
"""Whether a test is the last of its module in this process."""


class Ear:
    """Gathers what is put out, until it is searched."""

    def __init__(self) -> None:
        self._said: list[tuple[str, bytes]] = []
        self._streams: dict[Path, int] = {}
        """Files that processes write to → up to where they are searched."""
        self._folders: list[Path] = []
        self._known: dict[Path, tuple[int, int]] = {}
        self._of_module: list[tuple[str, bytes]] = []
        self._made: set[bytes] = set()
        """Keys that local stacks have made for themselves."""

    def hear(self, where: str, text: str | bytes | None) -> None:
        """Keep ``text`` for the search after this test."""
        if text:
            data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
            self._said.append((where, data))

    def follow(self, stream: Any) -> None:
        """Search what a process writes into ``stream``, from where it stands."""
        name = getattr(stream, "name", None)
        if isinstance(name, str) and (path := Path(name).resolve()).is_file():
            self._streams.setdefault(path, path.stat().st_size)

    def watch(self, folder: Path) -> None:
        """Search the files in ``folder``, too."""
        self._folders.append(folder)

    def search(self, *folders: Path | None, everywhere: bool = False) -> list[str]:
        """Return a sentence for each secret in what came since the last search."""
        said, self._said = self._said, []
        for path, begin in list(self._streams.items()):
            data = _read(path, begin)
            if not everywhere:  # half a line waits for its other half
                data = data[: data.rfind(b"\n") + 1]
            self._streams[path] = begin + len(data)
            said.append((f"the output in {path.name}", data))
        found = [_sentence(where, each) for where, data in said for each in find(data)]
        self._of_module += said
        for folder in filter(None, folders):
            found += self._search(folder)
            if folder in self._folders:  # a test's own, which has ended
                self._folders.remove(folder)
        for folder in self._folders if everywhere else ():
            found += self._search(folder)
        if everywhere:  # now the keys that this module's stacks have made are known
            said, self._of_module = self._of_module, []
            found += [self._own(where) for where, data in said if self._holds_own(data)]
        return list(dict.fromkeys(found))

    @staticmethod
    def _own(where: str) -> str:
        return f"{where}: a key that a local stack has made"

    def _holds_own(self, data: bytes) -> bool:
        return any(key in data.replace(_LINK + key, b"") for key in self._made if key in data)

    def _learn(self, path: Path) -> None:
        with contextlib.suppress(ValueError, AttributeError):  # a test's own broken file
            text = _read(path).decode().strip()
            keys = json.loads(text).values() if path.suffix == ".json" else [text]
            self._made.update(str(key).encode() for key in keys if key)

    def _search(self, folder: Path) -> Iterator[str]:
        paths = list(_files(folder))
        for path in paths:
            if path.name in _MADE:
                self._learn(path)
        for path in paths:
            if any(fnmatch(path.name, form) for form in INPUTS):
                continue
            try:
                stat = path.stat()
            except OSError:
                continue
            mark = (stat.st_mtime_ns, stat.st_size)
            if self._known.get(path) == mark or stat.st_size > _LARGEST:
                continue
            self._known[path] = mark
            data, where = _read(path), f"the file {path.relative_to(folder.parent)}"
            yield from (_sentence(where, each) for each in find(data))
            if self._holds_own(data):
                yield self._own(where)


EAR: Final = Ear()


def heard(where: str, text: str | bytes | None) -> None:
    """Hand over something that was put out in another way: searched after this test."""
    EAR.hear(where, text)


def _sentence(where: str, found: Any) -> str:
    return f"{where}: {found.kind}, after {found.before!r}"


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if path.is_file():
                yield path


def _read(path: Path, begin: int = 0) -> bytes:
    try:
        with path.open("rb") as file:
            file.seek(begin)
            return file.read(_LARGEST)
    except OSError:  # gone meanwhile, or a server's own
        return b""


class _Pipe:
    """A process's stdout or stderr: what is read from it is heard as well."""

    def __init__(self, stream: Any, where: str) -> None:
        self._stream = stream
        self._where = where

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> _Pipe:  # noqa: PYI034  # Self is of 3.11
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def __iter__(self) -> Iterator[Any]:
        while line := self.readline():
            yield line

    def read(self, *size: int) -> Any:
        return self._heard(self._stream.read(*size))

    def readline(self, *size: int) -> Any:
        return self._heard(self._stream.readline(*size))

    def readlines(self) -> Any:
        return list(self)

    def _heard(self, data: Any) -> Any:
        heard(self._where, data)
        return data


def _listen(patch: pytest.MonkeyPatch) -> None:
    """Hear what processes write, and what tests take away from pytest's own captures."""
    popen = subprocess.Popen
    begin, communicate = popen.__init__, popen.communicate

    def start(self: Any, *words: Any, **named: Any) -> None:
        for name in ("stdout", "stderr"):
            EAR.follow(named.get(name))
        begin(self, *words, **named)
        for name in ("stdout", "stderr"):
            if getattr(self, name) is not None:
                setattr(self, name, _Pipe(getattr(self, name), f"a process's {name}"))

    def talk(self: Any, *words: Any, **named: Any) -> Any:
        out, err = communicate(self, *words, **named)
        heard("a process's stdout", out)
        heard("a process's stderr", err)
        return out, err

    patch.setattr(popen, "__init__", start)
    patch.setattr(popen, "communicate", talk)

    taken = CaptureFixture.readouterr

    def readouterr(self: Any) -> Any:
        found = taken(self)
        heard("stdout that the test looked at", found.out)
        heard("stderr that the test looked at", found.err)
        return found

    patch.setattr(CaptureFixture, "readouterr", readouterr)

    clear = LogCaptureFixture.clear

    def cleared(self: Any) -> None:
        heard("the log that the test looked at", self.text)
        clear(self)

    patch.setattr(LogCaptureFixture, "clear", cleared)

    made: Callable[..., Path] = pytest.TempPathFactory.mktemp

    def mktemp(self: Any, basename: str, numbered: bool = True) -> Path:
        folder = made(self, basename, numbered)
        EAR.watch(folder)
        return folder

    patch.setattr(pytest.TempPathFactory, "mktemp", mktemp)


def pytest_configure(config: pytest.Config) -> None:
    patch = pytest.MonkeyPatch()
    _listen(patch)
    config.add_cleanup(patch.undo)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, Any, Any]:
    """Folders that several tests share are searched where a module ends."""
    item.stash[_LAST] = nextitem is None or nextitem.path != item.path
    return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail the test, or the end of its fixtures, if anything that came out holds a secret."""
    report = yield
    for name, text in report.sections:
        if name.endswith(call.when):  # of the other phases: searched with them
            EAR.hear(name, text)
    ends = call.when == "teardown"
    funcargs = getattr(item, "funcargs", None) or {}
    found = EAR.search(
        funcargs.get("tmp_path") if ends else None, everywhere=ends and item.stash.get(_LAST, True)
    )
    if found:
        said = "".join(f"\n- {each}" for each in found)
        before = f"{report.longreprtext}\n" if report.failed else ""
        report.outcome = "failed"
        report.longrepr = f"{before}A secret came out (tests/leaks.py):{said}"
    return report
