"""One language's pages and configuration in a folder from which the site is built.

The pages of `docs/` are written to be read in the repository as well. What they link to outside
`docs/` is code: on the site such a link becomes the path alone.
"""

from __future__ import annotations

import posixpath
import re
import shutil
from pathlib import Path
from typing import Final

from documentation import reference

ROOT: Final = Path(__file__).resolve().parents[2]
LANGUAGES: Final = ("en", "zh")
OF_THE_ROOT: Final = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
"""Page of the repository's root → its name on the site."""
_LINK: Final = re.compile(r"(!?)\[([^\]\n]{0,300})\]\(([^()\s]{1,300})\)")


def stage(language: str, folder: Path) -> None:
    """Write pages and ``zensical.toml`` of ``language`` into ``folder``."""
    shutil.rmtree(folder, ignore_errors=True)
    pages = folder / "docs"
    source = ROOT / "docs" if language == "en" else ROOT / "docs" / language
    shutil.copytree(source, pages, ignore=shutil.ignore_patterns("zh", "examples"))
    if language == "en":
        for name, target in OF_THE_ROOT.items():
            (pages / target).write_text((ROOT / name).read_text(encoding="utf-8"), encoding="utf-8")
        reference.write(pages / "reference")
    for page in sorted(pages.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        at_root = page.name in OF_THE_ROOT.values() and page.parent == pages
        text = _relinked(text, page.parent.relative_to(pages).as_posix(), language, at_root=at_root)
        page.write_text(text, encoding="utf-8")
    if language != "en":
        _pictures(pages)
    config = Path(__file__).with_name(f"{language}.toml").read_text(encoding="utf-8")
    (folder / "zensical.toml").write_text(config, encoding="utf-8")


def _pictures(pages: Path) -> None:
    """Put what pages in another language show of the English folder beside them."""
    for page in sorted(pages.rglob("*.md")):
        for mark, _, target in _LINK.findall(page.read_text(encoding="utf-8")):
            there = pages / target
            if mark and not there.exists():
                there.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / "docs" / target, there)


def _relinked(text: str, folder: str, language: str, *, at_root: bool) -> str:
    """Return the page with links as the site has them: to its pages, and to those in English."""
    own = "docs/" if language == "en" else f"docs/{language}/"

    def linked(found: re.Match[str]) -> str:
        mark, said, target = found.groups()
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            return found[0]
        path, hashed, fragment = target.partition("#")
        base = "." if at_root else posixpath.join(own, folder)
        whole = posixpath.normpath(posixpath.join(base, path))
        page = OF_THE_ROOT.get(whole)
        if page is None and whole == "README.md":
            page = "index.md"
        if page is None and whole.startswith("docs/") and not whole.startswith("docs/examples"):
            page = whole.removeprefix("docs/")
        if page is None:
            return f"`{whole}`" if said.strip("`") in {whole, path} else f"{said} (`{whole}`)"
        if whole.startswith(own):
            page = whole.removeprefix(own)
        elif language != "en" and not mark:  # a page in English: the site's folder above
            page = re.sub(r"README\.md$", "index.md", page).removesuffix(".md")
            page = posixpath.join("..", f"{page}.html")
        return f"{mark}[{said}]({posixpath.relpath(page, folder)}{hashed}{fragment})"

    return _LINK.sub(linked, text)
