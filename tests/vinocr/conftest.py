"""A running VinOCR for every test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.vinocr.vinocr_support import ID, KEY
from vinocr.launcher import ServerProcess


@pytest.fixture(scope="session")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., ServerProcess]]:
    """Start servers; one per set of settings, all stopped at the end."""
    running: dict[str, ServerProcess] = {}

    def starter(
        accounts: list[dict[str, Any]] | Path | None = None, **settings: object
    ) -> ServerProcess:
        folder = tmp_path_factory.mktemp("vinocr")
        texts = {f"VINOCR_{k.upper()}": str(v) for k, v in settings.items()}
        name = json.dumps([accounts, texts], sort_keys=True, default=str)
        if name not in running:
            if isinstance(accounts, Path):
                texts["VINOCR_ACCOUNTS"] = str(accounts)
            elif accounts is None:
                texts |= {"VINOCR_SECRET_ID": ID, "VINOCR_SECRET_KEY": KEY}
            else:
                file = folder / "accounts.json"
                file.write_text(json.dumps({"accounts": accounts}))
                texts["VINOCR_ACCOUNTS"] = str(file)
            texts.setdefault("VINOCR_RATE", "1000")
            texts.setdefault("VINOCR_THREADS", "1")
            texts.setdefault("VINOCR_QUEUE_SECONDS", "60")  # this machine may be busy
            running[name] = ServerProcess.start(texts, log=folder / "log.jsonl")
        return running[name]

    yield starter
    for child in running.values():
        child.stop()


@pytest.fixture(scope="session")
def vinocr(start: Callable[..., ServerProcess]) -> ServerProcess:
    """The plain server: one account, defaults, and no rate that a test could run into."""
    return start()
