"""The console's part of the API's description: its pages, and what their scripts and programs ask."""

from __future__ import annotations

from typing import Any, Final

from vindrop.http.console import ROUTES, filters, queue, redrives

_SAYS: Final[dict[tuple[str, str], tuple[str, str]]] = {
    ("/", "get"): ("overview page", "The overview; without a session, the way to sign in."),
    ("/review", "get"): ("review page", "Where a person decides."),
    ("/uploads", "get"): ("uploads page", "The list of uploads."),
    ("/uploads/{id}", "get"): ("upload page", "One upload and its life."),
    ("/sign-in", "get"): ("sign-in page", "Where a key opens a session."),
    ("/assets/{version}/{name}", "get"): ("asset", "A style or a script of the pages."),
    ("/v1/overview", "get"): ("overview", "The figures of the last days."),
    ("/v1/overview/events", "get"): ("overview events", "204: ask again instead."),
    ("/v1/reviews", "get"): ("reviews", "What waits for a person, oldest first."),
    ("/v1/reviews/{id}", "get"): ("review", "One upload as the review page shows it."),
    ("/v1/reviews/{id}", "post"): ("decide", "Decide; the same decision again counts once."),
    ("/v1/reviews/{id}/undo", "post"): ("undo", "Take a review back."),
    ("/v1/photos/{id}", "get"): ("photo", "Where a browser finds the photo."),
    ("/v1/vins/{vin}", "get"): ("vin", "What a VIN says of itself."),
    ("/v1/redrives", "post"): ("redrive", "Read dead letters again, or say what it would cost."),
    ("/v1/export", "get"): ("export", "The filtered list as CSV or XLSX."),
}
_BODIES: Final[dict[tuple[str, str], str]] = {
    ("/v1/reviews/{id}", "post"): "Decision",
    ("/v1/reviews/{id}/undo", "post"): "Undo",
    ("/v1/redrives", "post"): "Redrive",
}
_QUERIES: Final[dict[str, tuple[str, ...]]] = {
    "/": ("days", "part"),
    "/review": ("id", *filters.NAMES),
    "/uploads": ("cursor", *filters.NAMES),
    "/sign-in": ("next",),
    "/v1/overview": ("days",),
    "/v1/reviews": ("cursor", "limit", *filters.NAMES),
    "/v1/photos/{id}": ("size",),
    "/v1/export": ("format", "part", "cursor", *filters.NAMES),
}
_STATUSES: Final = (400, 401, 403, 404, 409, 410, 415, 422, 500, 501, 502, 503)


def paths() -> dict[str, Any]:
    """Return every path of the console with its operations."""
    found: dict[str, Any] = {}
    for path, route in ROUTES.items():
        for method in (each.lower() for each in route.methods if each != "HEAD"):
            found.setdefault(path, {})[method] = _operation(path, method)
    return found


def schemas() -> dict[str, Any]:
    """Return the bodies that the console takes."""
    return {
        "Decision": queue.Said.model_json_schema(),
        "Undo": queue.Undone.model_json_schema(),
        "Redrive": redrives.Wanted.model_json_schema(),
    }


def _operation(path: str, method: str) -> dict[str, Any]:
    name, summary = _SAYS[path, method]
    route = ROUTES[path]
    words = name.replace("-", " ").split()
    role = f" For the role {route.least} and those above." if route.least else ""
    kind = "text/html" if route.is_page else "application/json"
    made: dict[str, Any] = {
        "operationId": words[0] + "".join(word.capitalize() for word in words[1:]),
        "summary": summary,
        "description": summary + role,
        "parameters": [*_in_path(path), *_in_query(path)],
        "responses": {
            "2XX": {"description": summary, "content": {kind: {"schema": {}}}},
            **{str(each): {"$ref": f"#/components/responses/{each}"} for each in _STATUSES},
        },
    }
    if route.least is None:
        made["security"] = []
    if (path, method) in _BODIES:
        schema = {"$ref": f"#/components/schemas/{_BODIES[path, method]}"}
        made["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return made


def _in_path(path: str) -> list[dict[str, Any]]:
    names = (part[1:-1] for part in path.split("/") if part.startswith("{"))
    text = {"type": "string"}
    return [{"name": name, "in": "path", "required": True, "schema": text} for name in names]


def _in_query(path: str) -> list[dict[str, Any]]:
    text = {"type": "string"}
    return [{"name": name, "in": "query", "schema": text} for name in _QUERIES.get(path, ())]
