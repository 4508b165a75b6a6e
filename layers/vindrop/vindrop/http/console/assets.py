"""Styles and scripts, out of the package: each is known by the hash of all of them."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Final

from vindrop.http.console.asked import Asked
from vindrop.http.problems import ProblemError
from vindrop.http.response import Response

FOLDERS: Final = (Path(__file__).parent / "static", Path(__file__).parents[1] / "shared")
"""The console's own, and what the capture page is made of, too."""
_KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_YEAR: Final = "public, max-age=31536000, immutable"


def get(asked: Asked) -> Response:
    """Answer with one file.

    The version stands in the folder, so that scripts which import each other by name get those of
    one deployment. A page of an earlier one gets today's, uncached, and is told that it is old.
    """
    given, name = asked.parts
    files = _files()
    if name not in files:
        raise ProblemError("not-found", "there is no such file in the console")
    return Response(
        200,
        files[name],
        {
            "Content-Type": _KINDS[Path(name).suffix],
            "Cache-Control": _YEAR if given == version() else "no-cache",
        },
    )


@functools.cache
def version() -> str:
    """Return what changes whenever a page, a style or a script does."""
    digest = hashlib.sha256()
    for path in sorted([*Path(__file__).parent.rglob("*"), *FOLDERS[1].iterdir()]):
        if path.is_file() and path.suffix in {*_KINDS, ".html", ".json"}:
            digest.update(f"{path.name}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


@functools.cache
def _files() -> dict[str, str]:
    return {
        path.name: path.read_text(encoding="utf-8")
        for folder in FOLDERS
        for path in sorted(folder.iterdir())
    }
