"""``make figures``: measure, keep the figures as JSON, and draw them into ``docs/figures``.

    python -m bench.figures [--only burst,cold-start] [--draw]

``--draw`` measures nothing and draws from the JSON that is there. Everything together takes some
ten minutes on two idle cores: on a busy machine the figures are those of a busy machine.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from bench.figures import draw, measure

OUT: Final = Path(__file__).resolve().parents[2] / "docs" / "figures"


def main(arguments: list[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m bench.figures")
    parser.add_argument("--only", default="", help=f"some of {','.join(measure.MEASURES)}")
    parser.add_argument("--draw", action="store_true", help="measure nothing")
    parser.add_argument("--out", type=Path, default=OUT)
    given = parser.parse_args(arguments)
    chosen = [name for name in given.only.split(",") if name] or list(measure.MEASURES)
    if unknown := set(chosen) - set(measure.MEASURES):
        parser.error(
            f"--only takes {', '.join(measure.MEASURES)}; not {', '.join(sorted(unknown))}"
        )
    given.out.mkdir(parents=True, exist_ok=True)
    for name in [] if given.draw else chosen:
        found = measure.MEASURES[name]()
        (given.out / f"{name}.json").write_text(
            json.dumps(found, separators=(",", ":")) + "\n", encoding="utf-8"
        )
    for plot, (source, _) in draw.PLOTS.items():
        file = given.out / f"{source}.json"
        if source in chosen and file.is_file():
            svg = draw.drawn(plot, json.loads(file.read_text(encoding="utf-8")))
            (given.out / f"{plot}.svg").write_text(svg, encoding="utf-8")
            sys.stdout.write(f"{given.out / plot}.svg\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
