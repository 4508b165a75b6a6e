"""What the DynamoDB ledger does for those who look after it: counts, redrives, an outage that is over, caps.

None of it is on the way of an upload that is read at its first attempt.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Final, TypeVar

from vindrop.core.ledger import ENDED, Claim, Redriven, Standing, State, Waiting
from vindrop.domain.records import DeadLetter, from_json, to_json
from vindrop.stores import storable
from vindrop.stores.dynamodb import DynamoDB, Value
from vindrop.stores.ledger.dynamodb_items import new_item, standing_of

OPEN: Final[tuple[State, ...]] = ("claimed", "parked", "answered", "failed")
TABLE: Final = "uploads"
HOLD: Final = "hold/"
"""How the key of an account's circuit begins."""
_LOOKED_AT: Final = 1_000
_HASTENED: Final = 100

Same = TypeVar("Same", bound="DynamoDBOperations")


class DynamoDBOperations:
    """The part of `vindrop.stores.ledger.dynamodb.DynamoDBLedger` that uploads do not pass through."""

    _tables: DynamoDB
    _account: str

    def standing(self, upload_id: str) -> Standing | None:
        """Return the state of an upload."""
        item = self._tables.get(TABLE, upload_id)
        return None if item is None else standing_of(item, self._tables.now())

    def for_account(self: Same, account: str) -> Same:  # noqa: PYI019 - Self is of 3.11
        """Return the same ledger with the circuit and the calls of another account."""
        other = copy.copy(self)
        other._account = f"{HOLD}{account}"  # noqa: SLF001  # its own class
        return other

    def keep_answers(
        self, upload_id: str, claim: Claim, answers: str, *, billed: int, maybe_billed: int
    ) -> bool:
        """One conditional write, which does nothing where it is repeated."""
        more: dict[str, Value] = {
            "billed": billed - claim.billed,
            "maybe_billed": maybe_billed - claim.maybe_billed,
        }
        text = storable(answers)
        refused, _ = self._tables.update(
            TABLE,
            upload_id,
            "SET #answers = :answers, #last_seen = :now "
            "ADD #billed :billed, #maybe_billed :maybe_billed",
            "#owner = :owner AND #state = :claimed "
            "AND (attribute_not_exists(#answers) OR #answers <> :answers)",
            answers=text,
            now=self._tables.now(),
            owner=claim.owner,
            claimed="claimed",
            **more,
        )
        if refused is None:
            return True
        there = refused.item or {}
        if (
            there.get("owner") == claim.owner
            and there.get("state") == "claimed"
            and there.get("answers") == text
        ):
            return True
        self._add_cost(upload_id, more["billed"], more["maybe_billed"])
        return False

    def _add_cost(self, upload_id: str, billed: Value, maybe_billed: Value) -> None:
        """Count the calls of an answer that came too late: they were paid for all the same."""
        if billed or maybe_billed:
            self._change(
                upload_id,
                "ADD #billed :billed, #maybe_billed :maybe_billed",
                billed=billed,
                maybe_billed=maybe_billed,
            )

    def counts(self) -> dict[State, int]:
        """Return how many are in each state. The index may be a second behind."""
        found = {state: self._tables.count(state) for state in (*OPEN, *ENDED)}
        return {state: count for state, count in found.items() if count}

    def backlog(self) -> dict[State, Waiting]:
        """Return what has not ended, of each state the `_LOOKED_AT` that are due first at most."""
        now, found = self._tables.now(), dict[State, Waiting]()
        for state in OPEN:
            items = list(self._tables.by_state(state, limit=_LOOKED_AT))
            if items:
                seen = min(float(item.get("first_seen", item["due_at"])) for item in items)
                found[state] = Waiting(len(items), max(now - seen, 0.0))
        return found

    def end_leases(self) -> int:
        """Make every claim and delivery under way due now; see `SQLLedger.end_leases`."""
        now, ended = self._tables.now(), 0
        for state in ("claimed", "answered", "failed"):
            for item in list(self._tables.by_state(state)):
                ended += self._change(
                    str(item["id"]),
                    "SET #due_at = :now",
                    "#state = :state AND #due_at > :now",
                    now=now,
                    state=state,
                )
        return ended

    def redrive(self, letter: DeadLetter, *, after: float) -> Redriven:
        """One conditional write, and one for an upload that this ledger never saw."""
        if letter.upload is None:
            return "unknown"
        now = self._tables.now()
        refused, _ = self._tables.update(
            TABLE,
            letter.id,
            "SET #state = :parked, #due_at = :due_at, #attempts = :zero, #last_seen = :now, "
            "#dead_letter = #record, #redriven = if_not_exists(#redriven, :zero) + :one, "
            "#retries = :zero, "
            "#failure_code = :code, #failure_message = :message, #failure_request_id = :request_id "
            "REMOVE #record, #reached, #failing_after, #answers",
            "#state = :dead",
            parked="parked",
            due_at=now + after,
            zero=0,
            one=1,
            now=now,
            code=letter.code,
            message=letter.message,
            request_id=letter.request_id or "",
            dead="dead",
        )
        if refused is not None and refused.item is None:
            item = new_item(letter.upload, "parked", "", now, now + after, 0) | {
                "first_seen": letter.first_seen.timestamp(),
                "billed": letter.billed,
                "redriven": letter.redriven + 1,
                "dead_letter": to_json(letter),
                "traceparent": letter.traceparent,
            }
            refused = self._tables.put_new(TABLE, item)
        if refused is None:
            return "redriven"
        return "answered" if (refused.item or {}).get("state") == "delivered" else "under_way"

    def dead_letters(self) -> Iterator[DeadLetter]:
        """Yield them state by state, in no order of time."""
        for state in ("dead", *OPEN):
            for found in self._tables.by_state(state):
                item = self._tables.get(TABLE, str(found["id"])) or {}
                event = item.get("record" if item.get("state") == "dead" else "dead_letter")
                record = from_json(str(event)) if event else None
                if isinstance(record, DeadLetter) and item.get("state") != "delivered":
                    yield record

    def hasten(self, code: str, share: float) -> int:
        """Make retries due that wait for a passing failure which is over: `_HASTENED` at most.

        What is read then hastens the next ones.
        """
        now, hastened = self._tables.now(), 0
        for found in self._tables.by_state("parked", since=now, limit=_HASTENED):
            item = self._tables.get(TABLE, str(found["id"])) or {}
            waited, due = now - float(item.get("last_seen", now)), float(item.get("due_at", now))
            if item.get("failure_code") != code or not int(item.get("retries", 0)):
                continue
            if waited >= share * (due - float(item["last_seen"])):
                hastened += self._change(
                    str(item["id"]),
                    "SET #due_at = :now, #retries = :retries",
                    "#state = :parked AND #due_at = :due",
                    now=now,
                    retries=int(item["retries"]) if share > 0 else 1,
                    parked="parked",
                    due=due,
                )
        return hastened

    def count_call(self, day: str, calls: int, most: int) -> bool:
        """Add to the calls of a day in one write, whose condition is the cap."""
        if not calls:
            return self.calls_of(day) < most
        fits = "attribute_not_exists(#calls) OR #calls < :most"
        values: dict[str, Value] = {"calls": calls}
        if calls > 0:
            values["most"] = most
        refused, _ = self._tables.update(
            TABLE,
            self._day(day),
            "ADD #calls :calls",
            fits if calls > 0 else "attribute_exists(#calls)",
            **values,
        )
        return refused is None

    def cap_alarm(self, day: str) -> bool:
        """Mark the day; the conditional write tells who was first."""
        return self._change(
            self._day(day), "SET #alarmed = :one", "attribute_not_exists(#alarmed)", one=1
        )

    def calls_of(self, days: str) -> int:
        """Return the calls counted for a day, or for the days of a month."""
        each = [days] if len(days) > len("2026-11") else [f"{days}-{n:02d}" for n in range(1, 32)]
        items = (self._tables.get(TABLE, self._day(day)) or {} for day in each)
        return sum(int(item.get("calls", 0)) for item in items)

    def _day(self, day: str) -> str:
        return f"calls/{self._account.partition('/')[2]}/{day}"

    def _change(
        self, key: str, change: str, where: str = "attribute_exists(#id)", **values: Value
    ) -> bool:
        refused, _ = self._tables.update(TABLE, key, change, where, **values)
        return refused is None
