"""Pages of templates: what each of them has, its words in both languages, its security policy."""

from __future__ import annotations

import datetime as dt
import functools
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from vindrop.clouds import cloud_of_region, own_cloud, own_region, store_for
from vindrop.domain.failures import FailureError
from vindrop.http.console import assets
from vindrop.http.console.asked import Asked
from vindrop.http.language import LANGUAGES, reads_chinese, told
from vindrop.http.objects import upload_origin, upload_region
from vindrop.http.response import Response

_FOLDER: Final = Path(__file__).parent
Say = Callable[..., str]


def page(asked: Asked, name: str, status: int = 200, **values: Any) -> Response:
    """Return a page.

    :param name: of its template.
    :param values: what the template shows.
    """
    language = language_of(asked)
    session = asked.caller.session if asked.caller else None
    text = (
        _environment()
        .get_template(f"{name}.html")
        .render(
            values,
            asked=asked,
            age=functools.partial(age, language),
            base=asked.base,
            comma="，" if language == "zh" else ", ",
            counted=functools.partial(counted, language),
            caller=asked.caller,
            csrf=session.csrf if session else "",
            language=language,
            page=name,
            say=functools.partial(say, language),
            told=functools.partial(told, headers=asked.request.headers),
            version=assets.version(),
            words=words_for(language, name),
        )
    )
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": policy(asked),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Vary": "Cookie, Accept-Language",
    }
    return Response(status, text, headers)


def language_of(asked: Asked) -> str:
    """Return the language that was chosen, else the one that the browser prefers."""
    return "zh" if reads_chinese(asked.request.headers) else "en"


def say(language: str, name: str, /, **values: object) -> str:
    """Return the words called ``name``, ``{…}`` in them replaced; of a ``count`` of 1, those for one."""
    if values.get("count") == 1 and f"{name}1" in _words():
        name = f"{name}1"
    text = _words()[name][LANGUAGES.index(language)]
    for key, value in values.items():
        text = text.replace(f"{{{key}}}", str(value))
    return text


def counted(language: str, name: str, count: float, digits: int = 0) -> Markup:
    """Return the words called ``name`` with a figure in bold; for one, those called ``name1``."""
    name = f"{name}1" if count == 1 and f"{name}1" in _words() else name
    figure = Markup("<b>{}</b>").format(number(count, digits))
    return Markup(say(language, name).replace("{count}", "{}")).format(figure)  # noqa: S704  # our words


def words_for(language: str, page: str) -> dict[str, str]:
    """Return what the scripts of a page say: names that begin with the page's, or with ``js.``."""
    at = LANGUAGES.index(language)
    return {
        name: both[at] for name, both in _words().items() if name.startswith((f"{page}.", "js."))
    }


def policy(asked: Asked) -> str:
    """Return the Content-Security-Policy: our own files, and photos out of the buckets."""
    photos = " ".join(("'self'", "data:", "blob:", *sorted(_photo_origins(asked))))
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src {photos}; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def _photo_origins(asked: Asked) -> set[str]:
    """Return where signed URLs of photos lead: the allowed buckets, else every bucket of the clouds."""
    settings, platform = asked.settings, asked.call.platform
    if settings.storage_endpoint:
        return {settings.storage_endpoint}
    cloud = own_cloud(platform)
    region = upload_region(settings, cloud) or own_region(os.environ, cloud)
    found = {upload_origin(settings, platform)} - {""}
    for each in settings.allowed_buckets:
        bucket, _, said = each.partition("@")
        owner = cloud_of_region(said) if said else cloud
        try:
            url = store_for(owner).object_url(bucket, said or region, "x")
        except FailureError:
            continue
        found.add("/".join(url.split("/")[:3]))
    return found if settings.allowed_buckets else {f"https://*.{host}" for host in _SUFFIXES}


_SUFFIXES: Final = ("myqcloud.com", "amazonaws.com", "amazonaws.com.cn", "aliyuncs.com")
"""Hosts of the clouds' buckets, where the settings name none."""


@functools.cache
def _words() -> Mapping[str, tuple[str, str]]:
    found: Mapping[str, tuple[str, str]] = json.loads(
        (_FOLDER / "words.json").read_text(encoding="utf-8")
    )
    return found


@functools.cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters["json"] = as_json
    made.filters["query"] = as_query
    made.filters["moment"] = moment
    made.filters["number"] = number
    return made


def as_json(value: Any) -> Markup:
    """Return JSON that may stand in a script element: nothing in it ends the element."""
    text = json.dumps(value, ensure_ascii=False).replace("<", "\\u003c")
    return Markup(text)  # noqa: S704  # JSON without "<" is data of the script element, and no markup


def as_query(values: Mapping[str, str]) -> str:
    """Return a query of what is not empty."""
    return urlencode({name: value for name, value in values.items() if value})


def moment(value: dt.datetime | None) -> Markup:
    """Return a time for people, which a script turns into the browser's own zone."""
    if value is None:
        return Markup("")
    utc = value.astimezone(dt.timezone.utc)
    return Markup('<time datetime="{}">{} UTC</time>').format(
        utc.isoformat(timespec="seconds"), utc.strftime("%Y-%m-%d %H:%M")
    )


def age(language: str, seconds: float | None) -> str:
    """Return a duration for people."""
    if seconds is None:
        return "–"
    below = (
        (10, 1, "seconds"),
        (120, 1, "seconds"),
        (7200, 60, "minutes"),
        (172_800, 3600, "hours"),
    )
    unit, name = next((each[1:] for each in below if seconds < each[0]), (86_400, "days"))
    count = f"{seconds:.1f}" if seconds < 10 else f"{seconds / unit:.0f}"
    return say(language, f"age.{name}", count=count)


def number(value: float | None, digits: int = 0) -> str:
    """Return a number with its thousands apart."""
    return "–" if value is None else f"{value:,.{digits}f}".replace(",", "\u202f")
