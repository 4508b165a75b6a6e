"""``make rehearsal CLOUD=aws``, or ``CLOUD=tencent``; ``PHOTO=path`` for a photo of your own."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.deploy.page import CommandFailedError
from tests.deploy.rehearsal.narrator import WIDTH, Narrator, Words
from vindrop_local import language
from vindrop_local.errors import UserError
from vindrop_local.language import wrapped

BEGINS = Words(
    "A deployment on a cloud of this machine: nothing is sent to a real one. The first time, npm and the "
    "platforms' runtimes are fetched, which takes some two minutes more.",
    "在本机模拟的云上部署：不会向真实的云发送任何东西。首次运行要下载 npm 包和平台的运行时，另需约两分钟。",
)


def rehearse(cloud: str, photo: Path | None, folder: Path) -> None:
    """Deploy, read, correct and remove, on a loopback cloud below ``folder``."""
    if cloud == "aws":
        from tests.deploy.rehearsal import aws as on
    else:
        from tests.deploy.rehearsal import tencent as on  # type: ignore[no-redef]
    with on.stage(folder) as (stands, shell):
        shell.environment |= {"TTY_COMPATIBLE": "1", "NO_COLOR": "1", "COLUMNS": "94"}
        shell.environment |= {"VINDROP_LANG": language.chosen()}
        on.Rehearsal(stands, Narrator(shell), photo)()


def given(cloud: str, path: str) -> Path | None:
    """Return the photo of one's own, if there is one.

    :raises UserError: an argument is wrong.
    """
    if cloud not in {"aws", "tencent"}:
        raise UserError("make rehearsal CLOUD=aws or CLOUD=tencent")
    if not path:
        return None
    photo = Path(path).expanduser().resolve()
    if not photo.is_file():
        raise UserError(f"PHOTO={path}: there is no such file")
    return photo


def main() -> int:
    """Run it; returns the exit status: 2 with one sentence where something is missing or wrong."""
    begun = time.monotonic()
    try:
        language.arguments()
        cloud = os.environ.get("CLOUD", "")
        photo = given(cloud, os.environ.get("PHOTO", ""))
        sys.stdout.write("\n".join(wrapped(str(BEGINS), WIDTH)) + "\n")
        sys.stdout.flush()
        with tempfile.TemporaryDirectory(prefix="vindrop-rehearsal-") as folder:
            rehearse(cloud, photo, Path(folder))
    except (pytest.skip.Exception, pytest.fail.Exception) as missing:  # what a test skips for
        return _sorry(str(missing.msg))
    except (UserError, CommandFailedError, LookupError) as error:
        return _sorry(str(error))
    except KeyboardInterrupt:
        return 130
    seconds = time.monotonic() - begun
    sys.stdout.write(f"\n{Words(f'Done in {seconds:.0f} s.', f'完成，用时 {seconds:.0f} 秒。')}\n")
    return 0


def _sorry(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 2


if __name__ == "__main__":
    raise SystemExit(main())
