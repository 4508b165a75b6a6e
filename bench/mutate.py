"""Damaged image files by the thousand: none may crash the reader or the converter, hang it or eat the memory.

    python bench/mutate.py [--count 10000] [--seed 7] [--through reader|converter|both]

Small generated pictures in all the modes of PNG and JPEG, and one of each format that is converted,
with bytes changed, cut, doubled and put in: header sizes, EXIF, chunks, directories and boxes among
them. The reader gets PNG and JPEG, the converter (what makes a JPEG of a photo that VinOCR does not
take) gets all. Prints last one JSON line: files, read (or converted), refused, wrong, crashes, slow
(over 3 s of the processor), p99_ms, max_ms, peak_rss_mb. Status 1 if anything crashed or was slow.
"""

from __future__ import annotations

import argparse
import io
import json
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from PIL import Image, ImageDraw, ImageFont

from vindrop.core import photo, reencode
from vindrop.domain.failures import FailureError
from vinocr.reader import ImageError, Reader

VIN: Final = "WDD2131426L004847"
SLOW: Final = 3.0
"""Seconds of the processor: on a machine that others use, the clock would judge them."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="mutate", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--count", type=int, default=10_000, help="files (default 10000)")
    parser.add_argument("--seed", type=int, default=7, help="same seed, same files (default 7)")
    parser.add_argument("--through", choices=("reader", "converter", "both"), default="both")
    options = parser.parse_args(arguments)
    dice = random.Random(options.seed)
    readable, others = bases()
    # One thread: its processor time is then its time on an idle machine.
    reader = Reader(threads=1) if options.through != "converter" else None
    ended: Counter[str] = Counter()
    times: list[float] = []
    for number in range(options.count):
        if number and number % 1000 == 0:
            print(f"{number} files, {sum(times):.0f} s", file=sys.stderr)
        converts = reader is None or (options.through == "both" and dice.random() < 0.5)
        data = mutated(dice.choice(readable + others if converts else readable), dice)
        started = time.process_time()
        try:
            if converts or reader is None:
                convert(data)
                ended["read"] += 1
            else:
                answer = reader.read(data)
                ended["read" if answer.vin in {VIN, None} else "wrong"] += 1
        except (ImageError, FailureError) as e:
            ended["refused"] += 1
            ended[e.code if isinstance(e, ImageError) else e.failure.code] += 1
        except Exception as e:  # noqa: BLE001 (what this bench looks for)
            ended["crashes"] += 1
            print(f"file {number}: {type(e).__name__}: {e}", file=sys.stderr)
        times.append(time.process_time() - started)
    times.sort()
    slow = sum(seconds > SLOW for seconds in times)
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    print(
        json.dumps(
            {
                "files": options.count,
                **{k: ended[k] for k in ("read", "refused", "wrong", "crashes")},
                "codes": {k: v for k, v in ended.items() if k not in _OUTCOMES},
                "slow": slow,
                "p99_ms": round(times[int(len(times) * 0.99)] * 1000),
                "max_ms": round(times[-1] * 1000),
                "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit,
            }
        )
    )
    return 1 if slow or ended["crashes"] else 0


_OUTCOMES: Final = ("read", "refused", "wrong", "crashes")


def convert(data: bytes) -> None:
    """Make a JPEG of a file, as a function of 512 MB would.

    :raises FailureError: it is refused.
    """
    reencode.to_jpeg(
        data,
        max_bytes=5_000_000,
        check_size=lambda width, height: photo.check_size(width, height, 200.0),
        memory_mb=512.0,
    )


def bases() -> tuple[list[bytes], list[bytes]]:
    """Return small good files: in the modes of PNG and JPEG, and in the formats that are converted."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    image = Image.new("RGB", (288, 96), (200, 200, 195))
    font = ImageFont.load_default(20)
    ImageDraw.Draw(image).text((144, 48), VIN, (20, 20, 25), font, anchor="mm")
    exif = Image.Exif()
    exif[0x0112] = 3
    exif[0x010E] = "a description " * 9
    page = image.resize((96, 32))
    readable: list[tuple[Image.Image, str, dict[str, object]]] = [
        (image, "JPEG", {}),
        (image, "JPEG", {"progressive": True}),
        (image, "JPEG", {"restart_marker_rows": 1}),
        (image, "JPEG", {"exif": exif, "comment": b"x" * 99}),
        (image.convert("CMYK"), "JPEG", {}),
        (image.convert("L"), "JPEG", {}),
        (image, "PNG", {}),
        (image, "PNG", {"exif": exif, "icc_profile": bytes(400), "dpi": (72, 72)}),
        (image, "PNG", {"interlace": 1}),
        (image.quantize(8), "PNG", {"transparency": 0}),
        (image.convert("RGBA"), "PNG", {}),
        (image.convert("LA"), "PNG", {}),
    ]
    others: list[tuple[Image.Image, str, dict[str, object]]] = [
        (image, "WEBP", {"exif": exif}),
        (image, "WEBP", {"lossless": True}),
        (image, "HEIF", {"exif": exif.tobytes()}),
        (image, "AVIF", {"speed": 10}),
        (image, "BMP", {}),
        (image.quantize(8), "BMP", {}),
        (image, "TIFF", {}),
        (image, "TIFF", {"compression": "tiff_lzw", "save_all": True, "append_images": [page]}),
        (image, "TIFF", {"compression": "jpeg"}),
        (image.convert("1"), "TIFF", {"compression": "group4"}),
        (image, "JPEG2000", {}),
        (image.convert("L"), "JPEG2000", {"no_jp2": True}),
    ]
    return [_file(*one) for one in readable], [_file(*one) for one in others]


def _file(image: Image.Image, kind: str, options: dict[str, object]) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Return a damaged copy; headers are hit as often as all the rest."""
    out = bytearray(data)
    for _ in range(dice.randint(1, 6)):
        reach = len(out) if dice.random() < 0.5 else min(len(out), 200)
        at = dice.randrange(reach) if reach else 0
        way = dice.random()
        if way < 0.6 and out:
            out[at] = dice.choice((0, 0xFF, 0x7F, dice.randrange(256)))
        elif way < 0.7:
            del out[at:]
        elif way < 0.8:
            del out[at : at + dice.randint(1, 40)]
        elif way < 0.9:
            out[at:at] = dice.randbytes(dice.randint(1, 40))
        else:
            out += out[at : at + dice.randint(1, 400)]
    return bytes(out)


if __name__ == "__main__":
    sys.exit(main())
