"""Log lines as sentences, where a person looks at a command's standard error.

In a pipe or a file, and in every function, a line stays JSON (`vindrop.telemetry`). What is only
informative is what the command itself tells, so a terminal shows warnings and errors alone.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Final

from vindrop.telemetry import log_to_standard_error
from vindrop_local.language import clause, colon, said
from vindrop_local.terminal import console, shown

SENTENCES: Final = {
    "answer_came_late": "another worker has answered this upload meanwhile; what this call cost is counted",
    "answer_not_kept": "the ledger did not keep an answer that was paid for",
    "answers_unreadable": "what recognizers said before cannot be read, so they are asked anew",
    "circuit_opened": "the account is blocked: no calls are made, and every upload waits until this is mended",
    "daily_cap_reached": "the calls of this day are made (VINDROP_DAILY_CALLS): uploads wait for tomorrow (UTC)",
    "dead_letter": "a photo ended without a reading",
    "dead_letter_stands": "a queue takes nothing back: the dead letter that was sent there stands beside the reading",
    "defect": "a defect of vindrop: please report it",
    "destination_failed": "a destination did not take a record; it is kept in the ledger and delivered again",
    "index_missing": "the ledger's index by_place is missing, and is being made",
    "ledger_not_tidied": "the ledger could not be tidied; the next sweep tries again",
    "not_hastened": "uploads that wait for the same failure could not be made due; they go on at their own time",
    "not_listed": "the ledger's lists could not be brought up to date; they are made anew",
    "rate_limiter_store_away": "the rate limiter's store is away: this process makes a tenth of the calls meanwhile",
    "review_undelivered": "the decision is kept and could not be delivered yet; the next sweep delivers it",
    "reviews_not_delivered": "decisions are kept and could not be delivered yet; the next sweep delivers them",
    "setting_renamed": "a setting has a new name",
    "undelivered": "a record could not be delivered yet; it is kept in the ledger, and the sweep delivers it",
    "upload_failed": "an upload was not worked on, since the ledger is away; its event comes again",
}
"""Event → what it means. An event without one is told by its name."""
_BEHIND: Final = ("setting", "destination", "code", "kind")
"""Fields that name what it is about."""


def log_where_people_look() -> None:
    """Let log lines go to standard error: as sentences in a terminal, else as JSON."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    log_to_standard_error(_tell if terminal else None)


def sentence(line: Mapping[str, object]) -> str:
    """Return a line in words, in the chosen language: what it means, what it is about, and why."""
    event = str(line["event"])
    meaning = said(SENTENCES.get(event, event.replace("_", " ")))
    about = ", ".join(str(line[name]) for name in _BEHIND if line.get(name))
    reason = said(str(line.get("reason") or ""))
    parts = [f"{clause(meaning)} ({about})" if about else clause(meaning), reason]
    return colon().join(part for part in parts if part)


def _tell(line: Mapping[str, object]) -> None:
    if line["level"] in {"warning", "error"}:
        style = "red" if line["level"] == "error" else "yellow"
        console(error=True).print(shown(f"vindrop: {sentence(line)}"), style=style, soft_wrap=True)
