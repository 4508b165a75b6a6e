"""What a built site must not have: dead links, and anything that is fetched from elsewhere."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

_FETCHED: Final = {
    ("script", "src"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("video", "src"),
    ("object", "data"), ("embed", "src"), ("link", "href"),
}  # fmt: skip


@dataclass
class _Page(HTMLParser):
    """The ids and the links of one page."""

    ids: set[str] = field(default_factory=set)
    links: list[tuple[str, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what has an id, and what leads elsewhere."""
        for name, value in attrs:
            if name in {"id", "name"} and value:
                self.ids.add(value)
            if name in {"href", "src", "data"} and value:
                self.links.append((tag, name, value))


def faults(site: Path) -> Iterator[str]:
    """Yield what is wrong with a built site, a line each."""
    pages = {}
    for file in sorted(site.rglob("*.html")):
        page = _Page()
        page.feed(file.read_text(encoding="utf-8"))
        pages[file.relative_to(site).as_posix()] = page
    for name, page in pages.items():
        if name.endswith("404.html"):
            continue  # served under any address: its links are absolute
        for tag, attribute, target in page.links:
            fault = _fault(site, pages, name, (tag, attribute), target)
            if fault:
                yield f"{name}: {fault}"


def _fault(
    site: Path, pages: dict[str, _Page], name: str, place: tuple[str, str], target: str
) -> str | None:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        local = parts.scheme in {"data", "mailto"}
        return f"{target} is fetched from elsewhere" if place in _FETCHED and not local else None
    path = posixpath.normpath(posixpath.join(posixpath.dirname(name), unquote(parts.path)))
    if not parts.path:
        path = name
    elif (site / path).is_dir():
        path = posixpath.join(path, "index.html")
    if not (site / path).is_file():
        return f"{target} leads nowhere"
    if parts.fragment and path in pages and unquote(parts.fragment) not in pages[path].ids:
        return f"{target}: there is no such heading"
    return None
