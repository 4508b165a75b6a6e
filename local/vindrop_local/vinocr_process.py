"""Our VinOCR as a child process of the local stack, a bench or a test: `vinocr.launcher.ServerProcess` with keys."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vindrop_local import models
from vindrop_local.errors import UserError
from vindrop_local.serving import Service
from vinocr.launcher import LaunchError, ServerProcess

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0


@dataclass(frozen=True, slots=True)
class Calls:
    """What VinOCR itself counted since it started."""

    received: int
    billed: int

    def __sub__(self, other: Calls) -> Calls:
        return Calls(self.received - other.received, self.billed - other.billed)


class VinOCRProcess(Service):
    """``with VinOCRProcess(...) as vinocr``: it ends with the block, or with this process."""

    def __init__(
        self,
        log: Path,
        *,
        secret_id: str,
        secret_key: str,
        settings: Mapping[str, str] | None = None,
        module: str = "vinocr",
    ) -> None:
        """Prepare; nothing is started before `start`.

        :param log: file that its log lines are appended to.
        :param module: what is run; a bench has one of its own around VinOCR.
        :param settings: further variables.
        """
        self._log, self._module = log, module
        self._settings = {
            "VINOCR_SECRET_ID": secret_id,
            "VINOCR_SECRET_KEY": secret_key,
            "VINOCR_WORKERS": "1",
            "VINOCR_QUEUE_SECONDS": "20",  # its callers here wait 30 s for their answer
            "VINOCR_THREADS": "2",
            **(settings or {}),
        }

    def start(self) -> None:
        """Start it and wait until it listens.

        :raises UserError: it did not start.
        """
        models.ensure()
        self._log.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._child = ServerProcess.start(
                self._settings, module=self._module, log=self._log, seconds=START_SECONDS
            )
        except LaunchError as error:
            raise UserError(
                f"VinOCR did not start: {str(error)[:300]} (log: {self._log})"
            ) from None

    def stop(self) -> None:
        """Let it finish what it took, and end it."""
        self._child.stop(STOP_SECONDS)

    @property
    def endpoint(self) -> str:
        """``http://127.0.0.1:PORT``."""
        return f"http://{self._child.endpoint}"

    def calls(self) -> Calls:
        """Return what it counted.

        :raises UserError: it is gone.
        """
        try:
            counters = self._child.counters()
        except OSError as error:
            raise UserError(f"VinOCR has gone away: its log is {self._log}") from error
        received, billed = (
            sum(value for name, value in counters.items() if name.partition("{")[0] == counter)
            for counter in ("vinocr_calls_received_total", "vinocr_calls_billed_total")
        )
        return Calls(int(received), int(billed))
