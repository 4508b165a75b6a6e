"""The console: a person finishes what no engine could read, and sees the whole flow.

Only its routes are here. What answers them is imported when one of them is asked for: neither an
upload nor `POST /v1/vin` loads any of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from vindrop.domain.access_keys import Role


@dataclass(frozen=True, slots=True)
class Route:
    """One address of the console."""

    methods: tuple[str, ...]
    least: Role | None
    """Who may; None: anybody."""
    answers: str
    """Module and function of this room."""
    is_page: bool = False
    """Answers people: what goes wrong is a page, and who is not signed in is led there."""


_PAGE: Final = ("GET", "HEAD")

ROUTES: Final[dict[str, Route]] = {
    "/": Route(_PAGE, "review", "pages.overview", is_page=True),
    "/review": Route(_PAGE, "review", "pages.review", is_page=True),
    "/uploads": Route(_PAGE, "review", "pages.uploads", is_page=True),
    "/uploads/{id}": Route(_PAGE, "review", "pages.upload", is_page=True),
    "/sign-in": Route(_PAGE, None, "pages.sign_in", is_page=True),
    "/assets/{version}/{name}": Route(_PAGE, None, "assets.get"),
    "/v1/overview": Route(_PAGE, "review", "figures.get"),
    "/v1/overview/events": Route(_PAGE, "review", "figures.events"),
    "/v1/reviews": Route(_PAGE, "review", "queue.items"),
    "/v1/reviews/{id}": Route(("GET", "HEAD", "POST"), "review", "queue.one"),
    "/v1/reviews/{id}/undo": Route(("POST",), "review", "queue.undo"),
    "/v1/photos/{id}": Route(_PAGE, "review", "photo.get"),
    "/v1/vins/{vin}": Route(_PAGE, "review", "judged.get"),
    "/v1/redrives": Route(("POST",), "admin", "redrives.post"),
    "/v1/export": Route(_PAGE, "review", "export.get"),
}
"""Path → what is there. ``{id}`` stands for one part of a path."""
