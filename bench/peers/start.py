"""Starting readers: ours with this interpreter, peers with what they need, installed on demand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Final

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parent.parent
ENVIRONMENTS: Final = ROOT / "build" / "bench"
"""Where a peer's environment is made; `make clean` removes it."""

RAPIDOCR: Final = (
    "rapidocr==3.10.0", "onnxruntime", "opencv-python-headless", "numpy", "pillow", "pyclipper",
    "shapely", "pyyaml", "omegaconf", "requests", "tqdm", "colorlog", "six",
)  # fmt: skip
"""RapidOCR with all it declares; OpenCV without its windows, which servers cannot open."""

READERS: Final = ("vindrop", "rapidocr", "tesseract")


class PeerMissingError(RuntimeError):
    """A peer is not there and cannot be brought. ``str()`` says what to do."""


class Peer:
    """A running reader. Use as a context manager: it is stopped at the end."""

    def __init__(self, name: str, threads: int) -> None:
        """Start it.

        :raises PeerMissingError: it is not installed and cannot be.
        """
        self.name = name
        python = rapidocr_python() if name == "rapidocr" else sys.executable
        if name == "tesseract" and shutil.which("tesseract") is None:
            raise PeerMissingError(
                "Tesseract is not installed: apt-get install tesseract-ocr, or leave it out of --against."
            )
        self._process = subprocess.Popen(
            [python, str(HERE / f"run_{name}.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "THREADS": str(threads), "OMP_THREAD_LIMIT": str(threads)},
        )  # fmt: skip

    def ask(self, path: Path) -> dict[str, Any]:
        """Have one photo read.

        :raises PeerMissingError: the process ended.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(json.dumps({"path": str(path)}) + "\n")
            stdin.flush()
        except BrokenPipeError as e:
            raise self._ended() from e
        line = stdout.readline()
        if not line:
            raise self._ended()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _ended(self) -> PeerMissingError:
        return PeerMissingError(
            f"{self.name} ended: run {HERE / f'run_{self.name}.py'} by itself to see why."
        )

    def __enter__(self) -> Peer:  # noqa: PYI034 (Self needs Python 3.11)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, e: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.communicate(timeout=30)


def rapidocr_python() -> str:
    """Return the interpreter of an environment with the whole of RapidOCR, made if missing."""
    folder = ENVIRONMENTS / "rapidocr"
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        shutil.rmtree(folder, ignore_errors=True)
        print(f"making an environment for RapidOCR in {folder} (300 MB)", file=sys.stderr)
        install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python)]
        try:
            subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=120)
            if shutil.which("uv") is None and not _has_uv():
                install = [str(python), "-m", "pip", "install", "--quiet"]
            subprocess.run([*install, "--no-deps", RAPIDOCR[0]], check=True, timeout=600)
            # The versions that ours runs on: what differs shall be the reading.
            subprocess.run([*install, *map(_as_here, RAPIDOCR[1:])], check=True, timeout=900)
        except (subprocess.SubprocessError, OSError) as e:
            raise PeerMissingError(
                "RapidOCR could not be installed: connect to a package index, or leave it out of --against."
            ) from e
        ready.touch()
    return str(python)


def _has_uv() -> bool:
    return (
        subprocess.run(
            [sys.executable, "-m", "uv", "--version"], capture_output=True, check=False
        ).returncode
        == 0
    )


def _as_here(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"{package}=={version(package)}"
    except PackageNotFoundError:
        return package
