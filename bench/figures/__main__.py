"""``make figures``: measure, keep the figures as JSON, and draw them into ``docs/figures``.

    python -m bench.figures [--only burst,cold-start] [--truth MINE/truth.csv …] [--draw]

``--draw`` measures nothing and draws from the JSON that is there. Everything together takes some
ten minutes on two idle cores: on a busy machine the figures are those of a busy machine, and each
plot says how busy it was. Photos are generated, which every clone can do;
``--truth`` takes photos of one's own in their place. What cannot be measured here (cold starts need
a Python 3.10 and a package registry) is said at the end; the other plots are drawn all the same.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Final

from bench.figures import draw, measure

OUT: Final = Path(__file__).resolve().parents[2] / "docs" / "figures"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns 0, or 1 where a plot could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.figures")
    parser.add_argument("--only", default="", help=f"some of {','.join(measure.MEASURES)}")
    parser.add_argument("--draw", action="store_true", help="measure nothing")
    parser.add_argument("--truth", type=Path, nargs="+", default=[], metavar="CSV",
                        help="photos of your own in place of generated ones: columns file, vin")  # fmt: skip
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args(arguments)
    chosen = [name for name in given.only.split(",") if name] or list(measure.MEASURES)
    if unknown := set(chosen) - set(measure.MEASURES):
        parser.error(
            f"--only takes {', '.join(measure.MEASURES)}; not {', '.join(sorted(unknown))}"
        )
    given.out.mkdir(parents=True, exist_ok=True)
    missing: dict[str, str] = {}
    for name in [] if given.draw else chosen:
        began = time.monotonic()
        try:
            found = measure.measured(name, measure.Size(truths=tuple(given.truth)))
        except measure.MeasureError as error:
            missing[name] = f"figures: {name} was not measured: {error}\n"
            continue
        (given.out / f"{name}.json").write_text(
            json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8"
        )
        sys.stderr.write(f"{name} measured in {time.monotonic() - began:.0f} s\n")
    for plot, (source, _) in draw.PLOTS.items():
        file = given.out / f"{source}.json"
        if source in chosen and source not in missing and file.is_file():
            svg = draw.drawn(plot, json.loads(file.read_text(encoding="utf-8")))
            (given.out / f"{plot}.svg").write_text(svg, encoding="utf-8")
            sys.stdout.write(f"{given.out / plot}.svg\n")
    sys.stderr.writelines(missing.values())
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
