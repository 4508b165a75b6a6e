"""`vindrop up` says once when calls stop, and once when they are made again."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from vindrop.domain.failures import Failure
from vindrop.stores import open_ledger
from vindrop.stores.ledger.sql import SQLLedger
from vindrop_local.commands.up import Circuits


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
