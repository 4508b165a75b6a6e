"""Takes the console's pictures from the demo's photos, in a real browser before the local stack.

    make screenshots

VinOCR is told to answer only what it is nearly certain of: so a few photos are left to a person, and
there is something to see. Nothing is drawn by hand; what a page shows is what it showed.
"""

from __future__ import annotations

import csv
import io
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from vindrop_local.samples import samples
from vindrop_local.stack import Place, Stack

ROOT: Final = Path(__file__).resolve().parents[2]
OUT: Final = ROOT / "docs" / "images"
LARGEST: Final = 150_000
"""Bytes of a picture."""
_STRICT: Final = {"VINOCR_THRESHOLD": "0.998"}
_DESKTOP: Final[dict[str, Any]] = {"viewport": {"width": 1200, "height": 820}}
_PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 1.5,
    "has_touch": True,
    "is_mobile": True,
}
_MEANT: Final = "2T1W39Z49VC238325"
"""What the mistyped label should say, as the tutorial corrects it."""
_SETTLED_MS: Final = 600
_LIMIT_SECONDS: Final = 300.0


def main() -> None:
    """Start everything, take the pictures, and end everything."""
    os.environ["LOGNAME"] = "kim"  # whose name the pages show
    OUT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="vindrop-screenshots-") as name:
        folder = Path(name)
        place = Place(folder / "state", folder / "bucket")
        wanted = samples(folder / "made")
        with Stack(place, vinocr=_STRICT, http_port=0) as stack:
            for sample in wanted:
                target = place.folder / sample.key
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(sample.path, target)
            _too_far(place.folder / "too-far.jpg")
            _wait(stack, len(wanted) + 1)
            with sync_playwright() as playwright:
                chromium = shutil.which("chromium")
                browser = playwright.chromium.launch(
                    executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
                )
                _take(browser, stack)
                browser.close()


def _too_far(target: Path) -> None:
    """Make the photo of the tutorial that no engine reads, as the tutorial does."""
    Image.open(ROOT / "events" / "photos" / "peened-01.jpg").reduce(5).save(target)


def _wait(stack: Stack, total: int) -> None:
    """Wait until every photo has ended, for as long as something goes on: the machine may be busy."""
    seen = stack.ledger.counts()
    since = time.monotonic()
    while stack.unfinished() or sum(stack.ledger.counts().values()) < total:
        counts = stack.ledger.counts()
        if counts != seen:
            seen, since = counts, time.monotonic()
        if time.monotonic() > since + _LIMIT_SECONDS:
            raise SystemExit(f"of {total} photos none went on for {_LIMIT_SECONDS:.0f} s: {counts}")
        time.sleep(0.2)


def _take(browser: Browser, stack: Stack) -> None:
    with (ROOT / "events" / "photos" / "truth.csv").open() as lines:
        truth = {row["file"]: row["vin"] for row in csv.DictReader(lines)}
    truth["label-mistyped.jpg"] = _MEANT
    desktop = browser.new_context(locale="en-US", **_DESKTOP).new_page()
    desktop.goto(stack.console_link())
    origin = desktop.url.rstrip("/")
    session = desktop.context.storage_state()

    _next_with_a_vin(desktop, origin, truth)
    _save(desktop, "review-desktop")
    desktop.keyboard.press("Enter")
    desktop.wait_for_selector("#review[data-kept='1']", state="attached")

    _next_with_a_vin(desktop, origin, {"too-far.jpg": truth["peened-01.jpg"]})
    _save(desktop, "review-too-far")

    phone = browser.new_context(locale="en-US", storage_state=session, **_PHONE).new_page()
    _next_with_a_vin(phone, origin, truth, keypad=True)
    _save(phone, "review-phone")

    desktop.goto(f"{origin}/uploads")
    desktop.wait_for_selector(".thumb img[src^='data:']")
    desktop.wait_for_load_state("networkidle")
    _save(desktop, "uploads")
    desktop.goto(f"{origin}/?days=14")
    _save(desktop, "overview")


def _next_with_a_vin(
    page: Page, origin: str, truth: dict[str, str], *, keypad: bool = False
) -> None:
    """Go to the next photo that shows a VIN, and type it as it stands there."""
    page.goto(f"{origin}/review")
    page.wait_for_selector("#review[data-state=item]")
    passed = set[str]()
    while not (vin := truth.get(page.locator("#what").inner_text(), "")):
        before = page.get_attribute("#review", "data-item") or ""
        if before in passed:
            raise SystemExit(f"no photo with a VIN waits: VinOCR was sure of all with {_STRICT}")
        passed.add(before)
        page.click("#skip")
        page.wait_for_selector(f"#review:not([data-item='{before}'])")
    page.wait_for_selector(".film img")
    if keypad:
        page.tap("#cells input >> nth=0")
        for character in vin[:12]:
            page.tap(f"#keypad button:text-is('{character}')")
    else:
        page.keyboard.press("ArrowRight")
        page.keyboard.type(vin)
        page.wait_for_selector("#facts:not(:empty)")


def _save(page: Page, name: str) -> None:
    page.wait_for_timeout(_SETTLED_MS)
    picture = Image.open(io.BytesIO(page.screenshot()))
    for quality in (85, 75, 65, 55):
        out = io.BytesIO()
        picture.convert("RGB").save(out, "WEBP", quality=quality, method=6)
        if out.tell() <= LARGEST:
            break
    (OUT / f"{name}.webp").write_bytes(out.getvalue())
    print(f"docs/images/{name}.webp  {picture.width} x {picture.height}  {out.tell():,} bytes")


if __name__ == "__main__":
    main()
