"""The console on a DynamoDB ledger; see `vindrop.core.console.Console`."""

from __future__ import annotations
