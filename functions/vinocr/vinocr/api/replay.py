"""v1 signatures that were used: none is taken twice, which is what v1's Nonce is for."""

from __future__ import annotations

from typing import Final

_MOST: Final = 100_000
"""Signatures of one key that are remembered; beyond, the oldest are forgotten."""


class UsedSignatures:
    """The signatures of each key, until the time stamp that they cover is too old to be taken.

    A signature covers nonce, time stamp and all parameters, so two requests that share one are one
    request sent twice. Only valid ones come here: nobody without a key can fill it.
    """

    def __init__(self) -> None:
        self._used: dict[str, dict[str, tuple[int, object]]] = {}

    def first(self, secret_id: str, signature: str, expires: int) -> bool:
        """Whether ``signature`` was not used before; from now on it was. Safe across threads.

        :param expires: Unix time in seconds from which its time stamp is refused.
        """
        mine = (expires, object())
        used = self._used.setdefault(secret_id, {})
        if used.setdefault(signature, mine) is not mine:
            return False
        while len(used) > _MOST:
            used.pop(next(iter(used)), None)
        return True

    def forget(self, now: float) -> None:
        """Forget the signatures whose time is over at Unix time ``now`` (seconds)."""
        for used in list(self._used.values()):
            for text, (expires, _) in list(used.items()):
                if expires < now:
                    used.pop(text, None)
