"""50,000 generated and mutated payloads through every trigger: how each ended, and in what time.

.venv/bin/python bench/fuzz_triggers.py [payloads]
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from pathlib import Path

COUNT = sys.argv[1] if len(sys.argv) > 1 else "50000"
os.environ["VINDROP_FUZZ"] = COUNT
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main() -> None:
    from hypothesis import HealthCheck, Phase, given, settings

    from tests.triggers import test_fuzz
    from vindrop.triggers import UnknownEventError, read

    ends: Counter[str] = Counter()

    @settings(
        max_examples=int(COUNT),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(test_fuzz.mutated() | test_fuzz.values)
    def each(payload: object) -> None:
        test_fuzz.test_never_another_exception.hypothesis.inner_test(payload)  # type: ignore[attr-defined]
        try:
            found = read(payload).arrivals
        except UnknownEventError:
            ends["clear error"] += 1
        else:
            ends.update({type(arrival).__name__.lower() for arrival in found} or {"nothing in it"})

    started = time.perf_counter()
    each()
    print(f"{COUNT} payloads in {time.perf_counter() - started:.0f} s, no other exception")
    for end, number in ends.most_common():
        print(f"  {number:>7}  {end}")


if __name__ == "__main__":
    main()
