"""``python -m vindrop_local``: the ``vindrop`` command."""

from __future__ import annotations

from vindrop_local.cli import main

main()
