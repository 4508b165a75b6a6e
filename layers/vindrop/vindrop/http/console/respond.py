"""Answers a route of the console: who may, what answers, and a page for what goes wrong."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from dataclasses import replace
from typing import Final
from urllib.parse import quote, urlencode

from vindrop.core.app import App
from vindrop.core.console import BadCursorError, ConsoleUnavailableError
from vindrop.core.invocation import Invocation
from vindrop.http import auth
from vindrop.http.console import ROUTES, assets
from vindrop.http.console.asked import Asked
from vindrop.http.language import reads_chinese
from vindrop.http.problems import ProblemError
from vindrop.http.request import Request
from vindrop.http.response import Response
from vindrop.settings import Settings

CAPTURE: Final = "/capture"
SIGN_IN: Final = "/sign-in"


def respond(
    request: Request, route: str, settings: Settings, call: Invocation, app: Callable[[], App]
) -> Response:
    """Answer one request.

    :raises ProblemError: what went wrong; see `trouble`.
    """
    found = ROUTES[route]
    parts, prefix = _parts(route, request.path)
    asked = Asked(request, settings, call, parts, _clean(request.mount + prefix), app)
    if not _installed():
        if route == "/":
            return redirect(asked, CAPTURE)
        raise ProblemError("no-console")
    if found.is_page and (away := _away(asked, route)) is not None:
        return away
    if found.least is not None:
        asked = replace(asked, caller=auth.check(request, settings, found.least))
    module, _, name = found.answers.partition(".")
    answer: Callable[[Asked], Response] = getattr(
        importlib.import_module(f"vindrop.http.console.{module}"), name
    )
    try:
        response = answer(asked)
    except BadCursorError:
        raise ProblemError("bad-request", "the page is of another search: begin anew") from None
    except ConsoleUnavailableError as error:
        raise ProblemError("no-ledger", str(error)) from None
    version = {"X-Console-Version": assets.version()}
    return replace(response, headers={**version, **response.headers})


def trouble(
    problem: ProblemError, request: Request, route: str | None, settings: Settings, call: Invocation
) -> Response:
    """Answer what went wrong: a person gets a page, a program the document."""
    is_page = route is not None and route in ROUTES and ROUTES[route].is_page
    if route is None or not is_page or request.method not in auth.SAFE or not _installed():
        return problem.response(chinese=reads_chinese(request.headers))
    from vindrop.http.console import pages

    parts, prefix = _parts(route, request.path)
    asked = Asked(request, settings, call, parts, _clean(request.mount + prefix), _nothing)
    return pages.trouble(replace(asked, caller=auth.of_page(request, settings)), problem)


def _nothing() -> App:
    raise ProblemError("internal")


def _installed() -> bool:
    return importlib.util.find_spec("jinja2") is not None


def _away(asked: Asked, route: str) -> Response | None:
    """Lead somebody away who should see another page: to sign in, or to take photos."""
    caller = auth.of_page(asked.request, asked.settings)
    if route == SIGN_IN:
        return None
    if caller is None:
        query = urlencode(asked.request.query)
        names = iter(asked.parts)
        here = "/".join(
            quote(next(names), safe="") if each.startswith("{") else each
            for each in route.split("/")
        )
        wanted = here + (f"?{query}" if query else "")
        next_ = "" if wanted == "/" else f"?next={quote(wanted, safe='/')}"
        return redirect(asked, SIGN_IN + next_)
    if route == "/" and not caller.may("review"):
        return redirect(asked, CAPTURE)
    return None


def redirect(asked: Asked, path: str) -> Response:
    """Lead to another page of ours; what stands behind the # goes along."""
    return Response(303, "", {"Location": f"{asked.base}{path}"})


def _parts(route: str, path: str) -> tuple[tuple[str, ...], str]:
    """Return what a path has in the places of a route, and the prefix before it."""
    bare = path.rstrip("/")
    wanted, given = route.strip("/").split("/"), bare.split("/")
    if route == "/":
        return (), bare
    last = given[-len(wanted) :]
    parts = tuple(each for want, each in zip(wanted, last, strict=True) if want.startswith("{"))
    return parts, "/".join(given[: -len(wanted)])


def _clean(prefix: str) -> str:
    """Return a prefix that leads nowhere but below this very host: ``//host`` would be another."""
    return "".join(f"/{quote(each, safe='')}" for each in prefix.split("/") if each)
