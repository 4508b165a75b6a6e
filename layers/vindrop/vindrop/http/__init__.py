"""The HTTP function: a photo in, its VIN out; and the page that asks for it.

Each gateway's event becomes one `Request`; one table of routes answers it; every failure leaves as
a problem document. Nothing of a request is logged but its method, its route and its outcome.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from vindrop import settings as settings_module
from vindrop import tracing
from vindrop.core import invocation
from vindrop.core.app import App
from vindrop.core.invocation import Invocation
from vindrop.core.store_errors import StoreError, StoreSettingError
from vindrop.domain.failures import FailureError
from vindrop.http import auth, console, cors
from vindrop.http.language import event_reads_chinese
from vindrop.http.problems import ProblemError, of_failure
from vindrop.http.request import Request, UnknownRequestError, parse
from vindrop.http.response import Response, for_gateway
from vindrop.settings import Settings, SettingsError
from vindrop.telemetry import bind, log

ROUTES: Final[dict[str, tuple[str, ...]]] = {
    **{path: route.methods for path, route in console.ROUTES.items()},
    "/": ("GET", "HEAD", "POST"),
    "/capture": ("GET", "HEAD"),
    "/capture-worker.js": ("GET", "HEAD"),
    "/v1/vin": ("POST",),
    "/v1/uploads": ("POST",),
    "/openapi.json": ("GET", "HEAD"),
    "/healthz": ("GET", "HEAD"),
    "/v1/session": ("GET", "POST", "DELETE"),
}
"""Path → methods, besides OPTIONS. ``{id}`` stands for one part of a path."""

_BASE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def handle(event: Any, context: Any, app: Callable[[], App]) -> dict[str, Any]:
    """Answer one HTTP request. Never raises: what went wrong is in the answer and in the log.

    :param app: opens the parts, once a request needs them.
    """
    call = invocation.of(context)
    with bind(request_id=call.request_id or None, function=call.function or None):
        return process(event, call, app=app)


def process(
    event: Any,
    call: Invocation,
    *,
    settings: Callable[[], Settings] | None = None,
    app: Callable[[], App],
) -> dict[str, Any]:
    """Answer one HTTP request with the given settings and app; see `handle`."""
    request: Request | None = None
    route: str | None = None
    given: Settings | None = None
    headers = dict(_BASE_HEADERS)
    if call.request_id:
        headers["X-Request-Id"] = call.request_id
    problem: ProblemError | None = None
    try:
        request = parse(event)
        given = (settings or _settings)()
        headers |= cors.headers(request, given)
        route = route_of(request.path)
        names = ("traceparent", "x-amzn-trace-id")
        with tracing.follow(tracing.first(*(request.headers.get(name) for name in names))):
            response = _respond(request, route, given, call, app)
    except UnknownRequestError as error:
        log("unknown_event", level="error", reason=str(error))
        problem = ProblemError("bad-request", "the event is not an HTTP request of a known gateway")
    except ProblemError as error:
        problem = error
    except FailureError as error:
        problem = of_failure(error.failure)
    except (SettingsError, StoreSettingError) as error:
        log("wrong_settings", level="error", reason=str(error))
        problem = ProblemError("wrong-settings")
    except StoreError as error:
        log("store_failed", level="error", reason=str(error))
        problem = ProblemError("store-unavailable")
    except Exception as error:  # noqa: BLE001  # a caller gets a problem document, never a traceback
        log("failed", level="error", error=type(error).__name__, where=_where(error))
        problem = ProblemError("internal")
    if problem is not None:
        chinese = event_reads_chinese(event)
        response = _troubled(problem, request, route, given, call, chinese=chinese)
    response = replace(response, headers={**headers, **response.headers})
    if request is not None and request.method == "HEAD":
        response = replace(response, body="")
    log(
        "http",
        method=request.method if request else None,
        route=route,
        shape=request.shape if request else None,
        status=response.status,
        problem=problem.name if problem else None,
        code=problem.code if problem else None,
        vinocr_request_id=problem.request_id if problem else None,
    )
    return for_gateway(response, request)


def _troubled(
    problem: ProblemError,
    request: Request | None,
    route: str | None,
    settings: Settings | None,
    call: Invocation,
    *,
    chinese: bool,
) -> Response:
    """Return what a caller gets for a problem: a document, or where people look, a page."""
    if request is None or settings is None or route not in console.ROUTES:
        return problem.response(chinese=chinese)
    from vindrop.http.console import respond

    try:
        return respond.trouble(problem, request, route, settings, call)
    except Exception as error:  # noqa: BLE001  # a page that cannot be drawn is no reason to say nothing
        log("failed", level="error", error=type(error).__name__, where=_where(error))
        return problem.response(chinese=chinese)


def route_of(path: str) -> str | None:
    """Return the route of ``path``, under whatever prefix a gateway has mounted the function."""
    bare = path.rstrip("/") or "/"
    if bare in ROUTES:
        return bare
    parts = bare.split("/")
    found = [route for route in ROUTES if route != "/" and _fits(route.split("/")[1:], parts)]
    return max(found, key=lambda route: route.count("/"), default=None)


def _fits(wanted: list[str], parts: list[str]) -> bool:
    """Whether a path ends with the parts of a route."""
    last = parts[-len(wanted) :]
    return len(last) == len(wanted) and all(
        each == want or (want.startswith("{") and each != "")
        for want, each in zip(wanted, last, strict=True)
    )


def _respond(
    request: Request,
    route: str | None,
    settings: Settings,
    call: Invocation,
    app: Callable[[], App],
) -> Response:
    if route is None:
        raise ProblemError(
            "not-found",
            "there are GET / (the console), GET /capture, POST /v1/vin and GET /openapi.json",
        )
    methods = ROUTES[route]
    listed = ", ".join((*methods, "OPTIONS"))
    if request.method == "OPTIONS":
        return cors.preflight(listed)
    if request.method not in methods:
        raise ProblemError("method-not-allowed", f"it takes {listed}", headers={"Allow": listed})
    if route == "/v1/session":
        from vindrop.http import sign_in

        return sign_in.respond(request, settings)
    if route in console.ROUTES and request.method in console.ROUTES[route].methods:
        from vindrop.http.console import respond

        return respond.respond(request, route, settings, call, app)
    if request.method == "POST":
        auth.check(request, settings)
        if route == "/v1/uploads":
            from vindrop.http import objects

            return objects.make_place(app(), request, call.platform)
        from vindrop.http import reading

        return reading.post(app, request, call)
    if route == "/healthz":
        return Response(200, '{"status":"ok"}', {"Content-Type": "application/json"})
    if route == "/openapi.json":
        from vindrop.http import openapi

        return Response(200, openapi.text(), {"Content-Type": "application/json"})
    from vindrop.http import page

    if route == "/capture-worker.js":
        return page.worker(request, settings, call.platform)
    return page.get(request, settings, call.platform)


def _settings() -> Settings:
    import os

    return settings_module.load(os.environ)


def _where(error: Exception) -> str:
    """Return file and line of the failure: enough to find it, without any value."""
    frames = traceback.extract_tb(error.__traceback__)
    last = frames[-1] if frames else None
    return f"{last.filename.rpartition('/')[2]}:{last.lineno} {last.name}" if last else ""
