"""`vindrop up` says once when calls stop, and once when they are made again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from vindrop.domain.error_codes import BROKEN_ANSWER, TABLE, rule
from vindrop.domain.failures import Failure
from vindrop.stores import open_ledger
from vindrop.stores.ledger.sql import SQLLedger
from vindrop_local.outages import Circuits, Outages, accounts
from vindrop_local.platform import LogLine


def test_each_circuit_is_told_when_it_opens_and_when_it_closes(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/vindrop.db"
    ledger = cast("SQLLedger", open_ledger(url, account="vinocr"))
    other = ledger.for_account("vinocr.cloud")
    circuits = Circuits(ledger.open_circuits)
    assert list(circuits.changes()) == []
    ledger.open_circuit(Failure("FailedOperation.ArrearsError", "the account owes money"), 60)
    [(line, _)] = circuits.changes()
    assert "FailedOperation.ArrearsError" in line
    assert "the account owes money" in line
    assert "no calls are made" in line
    assert list(circuits.changes()) == [], "once"
    other.open_circuit(Failure("AuthFailure.SecretIdNotFound", "no such key"), 60)
    [(line, _)] = circuits.changes()
    assert "vinocr.cloud" in line
    assert ledger.close_circuit()
    [(line, _)] = circuits.changes()
    assert "calls are made again (vinocr)" in line
    assert other.close_circuit()
    assert len(list(circuits.changes())) == 1
    assert list(circuits.changes()) == []


def test_of_several_recognizers_the_circuit_says_whose_it_is(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/vindrop.db"
    ledger = cast("SQLLedger", open_ledger(url, account="vinocr")).for_account("vinocr.cloud")
    names = accounts({"VINDROP_RECOGNIZERS": "own=inprocess: cloud=ocr.tencentcloudapi.com"})
    circuits = Circuits(ledger.open_circuits, names)
    ledger.open_circuit(Failure("AuthFailure.SecretIdNotFound", "no such key"), 60)
    [(line, _)] = circuits.changes()
    assert line.startswith("no calls are made to cloud: AuthFailure.SecretIdNotFound: no such key")
    assert "The others go on" in line
    assert ledger.close_circuit()
    [(line, _)] = circuits.changes()
    assert line == "calls to cloud are made again"


def asked(name: str, code: str | None) -> LogLine:
    line = {"event": "recognizer_asked", "recognizer": name, "code": code}
    return LogLine("upload", "r-1", json.dumps(line))


def test_a_recognizer_that_cannot_be_asked_is_named_once_until_it_answers() -> None:
    now = [0.0]
    outages = Outages(["own", "cloud"], clock=lambda: now[0])
    unreachable = "ClientNetworkError.NotConnected"

    def told(*lines: LogLine) -> list[str]:
        for line in lines:
            outages(line)
        return [text for text, _ in outages.changes()]

    assert told(asked("own", None), asked("cloud", "FailedOperation.OcrFailed")) == []
    [line] = told(*[asked("cloud", unreachable)] * 20)
    assert line.startswith(f"cloud cannot be asked: {unreachable}. The others go on")
    assert told(asked("cloud", unreachable)) == []
    assert told(asked("own", unreachable))[0].startswith("own cannot")
    assert told(asked("cloud", "FailedOperation.OcrFailed")) == ["cloud answers again"]
    assert told(*[asked("cloud", unreachable), asked("cloud", None)] * 20) == [], "within a minute"
    now[0] = 61.0
    assert len(told(asked("cloud", unreachable))) == 1
    assert told(LogLine("upload", "", 'no JSON: "recognizer_asked"'), asked("own", "Odd")) == []


@pytest.mark.parametrize(("names", "name"), [([], "VinOCR"), (["cloud"], "cloud")])
def test_one_recognizer_that_is_away_is_named_with_the_photo_that_waits(
    names: list[str], name: str
) -> None:
    now = [0.0]
    outages = Outages(names, clock=lambda: now[0])

    def told(event: str, code: str | None, request_id: str | None = None) -> list[str]:
        line = {"event": event, "code": code, "key": "dock/7.jpg", "vinocr_request_id": request_id}
        outages(LogLine("upload", "r-1", json.dumps(line)))
        return [text for text, _ in outages.changes()]

    unreachable = "ClientNetworkError.NotConnected"
    [text] = told("retry_scheduled", unreachable)
    assert text.startswith(f"{name} cannot be asked: {unreachable}. dock/7.jpg waits")
    assert told("retry_scheduled", unreachable) == [], "once"
    assert told("recognizer_asked", None) == [], "of several alone"
    assert told("dead_letter", "Vindrop.NotAnImage") == [], "nobody was asked"
    assert told("reading", None, "r-7") == [f"{name} answers again"]
    assert told("reading", None, "r-8") == []
    now[0] = 61.0
    assert len(told("retry_scheduled", unreachable)) == 1
    assert told("dead_letter", "FailedOperation.OcrFailed", "r-9") == [f"{name} answers again"]


@pytest.mark.parametrize(
    "code", [code for code in TABLE if code.startswith("Vindrop.") and rule(code).passing]
)
def test_what_is_not_the_recognizers_fault_is_not_laid_at_its_door(code: str) -> None:
    outages = Outages([])
    line = {"event": "retry_scheduled", "code": code, "key": "dock/7.jpg"}
    outages(LogLine("upload", "r-1", json.dumps(line)))
    [(text, _)] = outages.changes()
    assert "dock/7.jpg" in text
    assert code in text
    assert ("VinOCR cannot be asked" in text) == (code == BROKEN_ANSWER)
