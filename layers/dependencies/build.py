"""Builds layers and function packages from the lock and this checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict
from email.parser import HeaderParser
from pathlib import Path
from typing import Any, Final

from layers.dependencies import archive, interpreters, lock
from layers.dependencies.contents import (
    ALWAYS,
    FUNCTION_LIMIT,
    FUNCTIONS,
    LAYERS,
    PLATFORM_LIMIT,
    Layer,
    Target,
)

ROOT: Final = Path(__file__).resolve().parents[2]
LOCK: Final = Path(__file__).parent / "requirements.lock"
_UNUSED: Final = ("tests", "test", "__pycache__", "bin", "*.pyi", "*.pyx", "*.pxd")
"""What an import never reads: tests, stale bytecode, commands, types."""
_PER_INSTALL: Final = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}


class BuildError(RuntimeError):
    """A layer could not be built. ``str()`` is one sentence that says what to do."""


def build_layer(layer: Layer, target: Target, out: Path) -> dict[str, Any]:
    """Build one layer and return its entry of the manifest.

    :raises BuildError: a wheel is missing, or the layer is too large.
    """
    pins = lock.read(LOCK)
    wanted = lock.closure(pins, layer.roots) if layer.roots else []
    with tempfile.TemporaryDirectory(prefix="vindrop-layer-") as folder:
        tree = Path(folder) / "tree"
        tree.mkdir()
        if wanted:
            _install(wanted, target, tree, Path(folder) / "requirements.txt")
        if layer.name == "vindrop":
            _copy(ROOT / "layers" / "vindrop" / "vindrop", tree / "vindrop")
            shutil.copy(ROOT / "LICENSE", tree / "vindrop" / "LICENSE")
        _prune(tree)
        packages = [each for each in (_described(tree, pin) for pin in wanted) if each]
        compiled = _compile(tree, target)
        zipped = out / target.folder / f"{layer.name}.zip"
        packed = archive.pack(tree, zipped, inside=target.inside)
    return {
        "name": layer.name,
        "about": layer.about,
        **asdict(target),
        "file": f"{target.folder}/{layer.name}.zip",
        **packed,
        "bytecode": compiled,
        "packages": packages,
    }


def build_function(name: str, out: Path) -> dict[str, Any]:
    """Zip one function's folder: the same file for both clouds, the handler at its root.

    :raises BuildError: there is no such function.
    """
    source = ROOT / "functions" / name
    if not (source / "handler.py").is_file():
        raise BuildError(f"functions/{name}/handler.py is missing: is this a whole checkout?")
    with tempfile.TemporaryDirectory(prefix="vindrop-function-") as folder:
        tree = Path(folder) / "tree"
        _copy(source, tree)
        _prune(tree)
        file = f"functions/{name}.zip"
        return {"name": name, "file": file, **archive.pack(tree, out / file)}


def build(targets: list[Target], names: list[str], out: Path) -> dict[str, Any]:
    """Build ``names`` for ``targets``, and the functions; write and return the manifest.

    :raises BuildError: something could not be built, or is over a limit.
    """
    layers = [
        build_layer(LAYERS[name], target, out)
        for target in targets
        for name in names
        if (target.python, target.arch) not in LAYERS[name].without
    ]
    functions = [build_function(name, out) for name in FUNCTIONS]
    manifest = {"layers": layers, "functions": functions}
    for target in targets:
        check_limits(manifest, target)
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(manifest, indent=1, ensure_ascii=False) + "\n"
    (out / "manifest.json").write_text(text)
    return manifest


def check_limits(manifest: dict[str, Any], target: Target) -> None:
    """Check what a function loads against our own limit and the platform's.

    :raises BuildError: it is over one of them.
    """
    sizes = {
        layer["name"]: layer["unzipped_bytes"]
        for layer in manifest["layers"]
        if (layer["layout"], layer["python"], layer["arch"])
        == (target.layout, target.python, target.arch)
    }
    function = max((f["unzipped_bytes"] for f in manifest["functions"]), default=0)
    usual = function + sum(size for name, size in sizes.items() if name in ALWAYS)
    if usual >= FUNCTION_LIMIT:
        raise BuildError(
            f"{target.folder}: a function with its layers takes {usual:,} bytes unzipped, "
            f"{FUNCTION_LIMIT:,} are the limit: see in the manifest which package grew"
        )
    everything = function + sum(sizes.values())
    if everything >= PLATFORM_LIMIT[target.layout]:
        raise BuildError(
            f"{target.folder}: all layers together take {everything:,} bytes unzipped, the platform "
            f"takes {PLATFORM_LIMIT[target.layout]:,}: build fewer with --layer"
        )


def _install(pins: list[lock.Pin], target: Target, tree: Path, requirements: Path) -> None:
    requirements.write_text("".join(pin.text for pin in pins))
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if uv is None:
        raise BuildError("uv is missing: run `make setup`, which brings it")
    command = [uv, "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--no-config"]
    command += ["--only-binary", ":all:", "--link-mode", "copy", "--target", str(tree)]
    command += ["--python-platform", target.platform, "--python-version", target.python]
    command += ["--python", sys.executable, "-r", str(requirements)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildError(
            f"uv could not install the wheels for {target.folder}: {done.stderr.strip()[-600:]}"
        )


def _copy(source: Path, tree: Path) -> None:
    shutil.copytree(source, tree, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", ".*"))


def _prune(tree: Path) -> None:
    for pattern in _UNUSED:
        for path in sorted(tree.rglob(pattern), reverse=True):
            if path.is_dir():
                shutil.rmtree(path)
            elif path.exists():
                path.unlink()
    for path in tree.rglob("*"):
        if (
            path.name in _PER_INSTALL and path.parent.name.endswith(".dist-info")
        ) or path.name == ".lock":
            path.unlink()


def _compile(tree: Path, target: Target) -> bool:
    """Add bytecode, if a Python of that minor version is at hand. Says whether.

    Code folders are read-only in the cloud: without it, every cold start compiles anew.
    ``unchecked-hash`` spares the look at the source, and holds no date.
    """
    python = interpreters.find(target.python)
    if python is None:
        return False
    command = [str(python), "-s", "-m", "compileall", "-q"]
    command += ["--invalidation-mode", "unchecked-hash", "-s", str(tree), "-p", target.mounted]
    subprocess.run(
        [*command, str(tree)], check=False, capture_output=True, env={"PYTHONHASHSEED": "0"}
    )
    return True


def _described(tree: Path, pin: lock.Pin) -> dict[str, str] | None:
    """Return name, version and licence; None where nothing of it was installed."""
    wanted = pin.name.replace("-", "_").lower()
    infos = {
        path.name.partition("-")[0].lower().replace("-", "_").replace(".", "_"): path
        for path in tree.glob("*.dist-info")
    }
    if wanted not in infos or infos[wanted].name.partition("-")[2] != f"{pin.version}.dist-info":
        return None  # the lock has another version for other Pythons
    metadata = HeaderParser().parsestr((infos[wanted] / "METADATA").read_text(errors="replace"))
    classifiers = [c for c in metadata.get_all("Classifier", []) if c.startswith("License ::")]
    licence = metadata.get("License-Expression") or ", ".join(
        c.rpartition(" :: ")[2] for c in classifiers
    )
    first_line = (metadata.get("License") or "").strip().splitlines()[:1]
    return {
        "name": pin.name,
        "version": pin.version,
        "licence": licence or (first_line[0] if first_line else "see its dist-info"),
    }
