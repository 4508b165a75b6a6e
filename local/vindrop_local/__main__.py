"""The `vindrop` command. Without the extra that it needs it says which one brings what."""

from __future__ import annotations

import importlib.util
import sys
from typing import Final

_EXTRAS: Final = {
    "local": "the `vindrop` command, VinOCR, a bucket and a platform on this machine",
    "vinocr": "VinOCR as a server",
    "photo": "HEIC, WebP, TIFF, BMP and large photos",
    "vehicle": "make, model, body and plant of the vehicle",
    "aws": "DynamoDB, SQS, SNS and EventBridge",
    "postgresql": "PostgreSQL",
    "mysql": "MySQL and MariaDB",
    "kafka": "Kafka and CKafka",
    "amqp": "RabbitMQ",
    "redis": "Redis",
}
"""Extra of the package → what it brings."""
_NEEDED: Final = ("typer", "rich", "starlette", "uvicorn", "qcloud_cos", "onnxruntime", "PIL")


def main() -> None:
    """Run the command, or say what is missing for it."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if not missing:
        from vindrop_local.cli import main as run

        return run()
    if sys.argv[1:] == ["--version"]:
        from vindrop import __version__

        sys.stdout.write(f"vindrop {__version__}\n")
        return None
    asked = any(each in {"--help", "-h"} for each in sys.argv[1:])
    out = sys.stdout if asked else sys.stderr
    out.write(
        f"vindrop: the command needs the extra `local` (missing: {', '.join(missing)}): "
        "pip install 'vindrop[local]'\n"
    )
    if asked:
        out.writelines(f"  vindrop[{name}]  {what}\n" for name, what in _EXTRAS.items())
    sys.exit(0 if asked else 2)


if __name__ == "__main__":
    main()
