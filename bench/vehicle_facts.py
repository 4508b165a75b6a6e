"""What vehicle facts cost: ``python -m bench.vehicle_facts``.

Loading the table of manufacturers (milliseconds, megabytes), looking up, judging a VIN, the
`vindrop vin --json` command (one VIN in 50 is wrong) and, where the extra `vehicle` is installed,
the first vehicle and vehicles per second. Each figure is the best of several fresh processes, so
that a busy machine says little.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Final

_RUNS: Final = 5

_TABLE: Final = """
import json, time, tracemalloc
from vindrop.domain import vin
started = time.perf_counter()
from vindrop.domain import manufacturers
imported = time.perf_counter()
manufacturers.find("1FTFW1EG1FF000001")
loaded = time.perf_counter()
tracemalloc.start()
manufacturers._lines.cache_clear()
manufacturers._lines()
kept, most = tracemalloc.get_traced_memory()
tracemalloc.stop()
numbers = [f"1FTFW1EG{i % 10}FF{i:06}" for i in range(20_000)]
began = time.process_time()
for number in numbers:
    vin.parse(number)
judged = time.process_time() - began
print(json.dumps({
    "import_ms": (imported - started) * 1000,
    "load_and_find_ms": (loaded - imported) * 1000,
    "table_kept_mb": kept / 1e6,
    "table_at_most_mb": most / 1e6,
    "parse_per_cpu_second": len(numbers) / judged,
}))
"""
_VEHICLES: Final = """
import json, time
from vindrop.domain import vehicle
started = time.perf_counter()
vehicle.vehicle("1FTFW1EG1FF000001")
first = time.perf_counter()
numbers = [f"1FTFW1EG{i % 10}FF{i:06}" for i in range(20_000)]
began = time.process_time()
vehicle.vehicles(numbers)
print(json.dumps({
    "first_vehicle_ms": (first - started) * 1000,
    "vehicles_per_cpu_second": len(numbers) / (time.process_time() - began),
}))
"""
_COMMAND: Final = """
import json, sys, time
from vindrop.domain import vin
from vindrop_local.commands import vin as command
numbers = [f"1FTFW1EG0FF{i:06}" for i in range(20_000)]
numbers = [number[:8] + vin.check_digit(number) + number[9:] for number in numbers]
numbers[::50] = [number[:-1] + "X" for number in numbers[::50]]
began, cpu = time.perf_counter(), time.process_time()
for chunk in command._chunks(list(enumerate(numbers, 1))):
    "".join(command._json(each) for each in command._explain(chunk))
print(json.dumps({
    "command_per_second": len(numbers) / (time.perf_counter() - began),
    "command_per_cpu_second": len(numbers) / (time.process_time() - cpu),
}))
"""


def main() -> None:
    """Print the figures."""
    from vindrop.domain import vehicle

    for code in (_TABLE, *((_VEHICLES,) if vehicle.available() else ()), _COMMAND):
        runs = [_run(code) for _ in range(_RUNS)]
        for name in runs[0]:
            pick = max if name.endswith("second") else min
            sys.stdout.write(f"{name:<26} {pick(run[name] for run in runs):>12,.2f}\n")


def _run(code: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


if __name__ == "__main__":
    main()
