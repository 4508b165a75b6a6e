"""Whatever handlers a runtime has set up, libraries log no secret."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests import secrets

LIKE_SCF = """
import logging, sys
root = logging.getLogger()
root.setLevel(logging.DEBUG)
root.addHandler(logging.StreamHandler(sys.stdout))
"""
LIBRARY = """
import sys
from vindrop.telemetry import quiet_libraries
quiet_libraries()
quiet_libraries()
urllib3 = logging.getLogger("urllib3.connectionpool")
urllib3.debug("GET %s", sys.argv[1])
urllib3.warning("Retrying (%s) after connection broken: /a.jpg %s", 1, sys.argv[1])
try:
    raise OSError(sys.argv[1])
except OSError:
    urllib3.exception("it failed")
"""


@pytest.mark.parametrize("runtime", [LIKE_SCF, "import logging\n"])
def test_a_library_logs_warnings_only_and_no_secret(runtime: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", runtime + LIBRARY, secrets.SIGNED_URL],
        capture_output=True,
        text=True,
        check=True,
    )
    said = ran.stdout + ran.stderr
    assert said.splitlines() == [
        "Retrying (1) after connection broken: /a.jpg "
        "https://b.cos.ap-guangzhou.myqcloud.com/a.jpg?…",
        "it failed (OSError)",
    ]
