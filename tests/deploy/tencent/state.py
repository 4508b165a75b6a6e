"""What the loopback cloud keeps: what the toolkit asks for again, and what tests look at."""

from __future__ import annotations

import fnmatch
import json
import threading
from dataclasses import dataclass, field
from typing import Any

from vindrop_local.bucket import Account

UIN, APPID = "100000000001", "1250000000"


@dataclass
class State:
    """Whoever changes it holds ``lock``."""

    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """Service, action and parameters, in order."""
    refusals: list[str] = field(default_factory=list)
    """What was wrong with a call, its signature included."""
    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """By bucket and key."""
    rules: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """Configurations by kind (cors, lifecycle, encryption) and bucket."""
    buckets: set[str] = field(default_factory=set)
    regions: dict[str, str] = field(default_factory=dict)
    """Bucket → region; what is missing is in the first of ``serverless``."""
    serverless: dict[str, list[str]] = field(
        default_factory=lambda: {
            "ap-guangzhou": ["ap-guangzhou-4"],
            "ap-shanghai": ["ap-shanghai-3"],
            "ap-chengdu": [],
        }
    )
    """Region → zones that make serverless databases."""
    mysql: Any = None
    """A server that clusters are made of; without one they are only remembered."""
    region: str = ""
    """Of the last call of API 3.0."""
    denied: set[str] = field(default_factory=set)
    """`service:Action` that even the account's own keys may not."""
    keys: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    """Secret id → secret key, and the sub-account it belongs to; None is the account itself."""
    acted: set[tuple[int | None, str]] = field(default_factory=set)
    """Who was let do what."""
    kept: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    """Kind → name → what it was made of."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        return self.kept.setdefault(kind, {})

    def accounts(self) -> list[Account]:
        return [Account(name, key) for name, (key, _) in self.keys.items()]

    def may(self, secret_id: str, action: str, resource: str = "") -> bool:
        """Whether a policy of whoever shows ``secret_id`` allows ``action``.

        :param resource: the six-part name; empty for what is allowed by action alone.
        """
        uin = self.keys[secret_id][1]
        allowed = action not in self.denied and (
            uin is None or any(_allows(one, action, resource) for one in self._policies(uin))
        )
        if allowed:
            self.acted.add((uin, action))
        return allowed

    def _policies(self, uin: int) -> list[dict[str, Any]]:
        attached = self.of("attached user policy").get(str(uin), {})
        return [
            statement
            for policy in self.of("policy").values()
            if policy["PolicyId"] in attached
            for statement in json.loads(policy["PolicyDocument"])["statement"]
        ]


def _allows(statement: dict[str, Any], action: str, resource: str) -> bool:
    """As CAM decides; no letter of a resource but the star stands for others."""
    return (
        statement["effect"] == "allow"
        and action in {one.removeprefix("name/") for one in statement["action"]}
        and any(
            one == "*" or (resource and fnmatch.fnmatchcase(resource, one))
            for one in statement["resource"]
        )
    )
