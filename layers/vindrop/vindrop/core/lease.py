"""How long a lease is: the time left to its worker, and `LEASE_MARGIN` seconds more.

A claim in the ledger is a lease, not a lock: when it ends, the worker is taken for dead and another
one may claim the upload. The claim's owner is the fencing token: a write of the late worker is
refused (`vindrop.core.ledger.Ledger`). Time left means the platform's time limit of the function, so
a lease never ends while its worker may still be alive.
"""

from __future__ import annotations

from typing import Final

LEASE_MARGIN: Final = 5.0
"""Seconds that a lease outlives the time limit after which the platform kills the function."""
