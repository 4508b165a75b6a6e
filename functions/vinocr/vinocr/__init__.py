"""VinOCR: Tencent Cloud's VIN recognition API on the wire, with a reader of our own behind it.

``python -m vinocr`` starts it; `vinocr.child.Child` starts it from a Python program.
"""

from __future__ import annotations


def main(argv: list[str] | None = None) -> int:
    """Start the server as the command line does; return the exit status (2: a wrong setting)."""
    from vinocr.__main__ import main as start

    return start(argv)
