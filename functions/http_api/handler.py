"""What the platform invokes: ``handler.main_handler``, on SCF and on Lambda alike.

Thin on purpose: SCF loads this file under an empty module name, so classes live in the library.
"""

from typing import Any

from vindrop import http, wiring


def main_handler(event: Any, context: Any) -> dict[str, Any]:
    """Answer one HTTP request."""
    return http.handle(event, context, wiring.from_environment)
