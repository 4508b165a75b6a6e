"""What the console is asked, and the parts of the app that answer it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from vindrop.core.app import App
from vindrop.core.invocation import Invocation
from vindrop.http.auth import Caller
from vindrop.http.problems import ProblemError
from vindrop.http.request import Request
from vindrop.settings import Settings


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to the console."""

    request: Request
    settings: Settings
    call: Invocation
    parts: tuple[str, ...]
    """What stands in the path where the route has ``{…}``."""
    base: str
    """What every address of the console begins with: empty, or the prefix it is mounted under."""
    open_app: Callable[[], App] = field(repr=False)
    caller: Caller | None = None

    @property
    def who(self) -> Caller:
        """Who asks, where the route asks for a role."""
        if self.caller is None:
            raise ProblemError("signed-out")
        return self.caller

    @property
    def upload_id(self) -> str:
        """The upload that the path names.

        :raises ProblemError: it is no id.
        """
        found = self.parts[0]
        if len(found) != 64 or not set(found) <= set("0123456789abcdef"):
            raise ProblemError("not-found", "an upload's id has 64 characters: 0 to 9 and a to f")
        return found

    def number(self, name: str, default: int, most: int) -> int:
        """Return a whole number of the query, within 1 and ``most``."""
        text = self.request.query.get(name, "")
        if not text:
            return default
        if not text.isascii() or not text.isdigit() or len(text) > 6:
            raise ProblemError("bad-request", f"{name}: takes a whole number, 1 to {most}")
        return min(max(int(text), 1), most)
