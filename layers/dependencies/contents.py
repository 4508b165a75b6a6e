"""What is in which layer, for which runtimes, and how large it may get."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Layout = Literal["scf", "lambda"]
"""``scf``: packages at the zip's root, unpacked at /opt. ``lambda``: under ``python/``."""
Arch = Literal["x86_64", "arm64"]

MEGABYTE: Final = 1_000_000
FUNCTION_LIMIT: Final = 25 * MEGABYTE
"""Bytes, unzipped, of all that the upload function loads without SQL and Kafka clients."""
PLATFORM_LIMIT: Final = {"scf": 500 * MEGABYTE, "lambda": 250 * MEGABYTE}
"""Bytes, unzipped, of a function with all its layers (SCF: doc 583/11637; Lambda: its quotas page)."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer."""

    name: str
    roots: tuple[str, ...]
    """Distributions asked for; what they need comes from the lock."""
    about: str
    without: tuple[tuple[str, str], ...] = ()
    """Python and architecture for which its makers publish no wheel that old images can load."""


LAYERS: Final = {
    layer.name: layer
    for layer in (
        # The recogniser calls VinOCR by CommonClient, which is in `-common`. The product package
        # `-ocr` adds models.py alone: 43,000 lines, 8 MB with bytecode, imported by nothing here.
        Layer(
            "dependencies",
            ("tencentcloud-sdk-python-common", "msgspec", "pydantic", "requests"),
            "the official SDK's client, msgspec, pydantic",
        ),
        Layer("vindrop", (), "the library"),
        Layer(
            "photo",
            ("pillow", "pillow-heif"),
            "re-encodes HEIC, WebP and photos that are too large",
        ),
        Layer(
            "console",
            ("jinja2", "xlsxwriter"),
            "the console's pages and exports: the HTTP function",
        ),
        Layer("postgresql", ("psycopg", "psycopg-binary"), "for postgresql:// URLs"),
        Layer(
            "mysql",
            ("pymysql", "cryptography"),
            "for mysql:// URLs, and the default login of MySQL 8",
        ),
        Layer(
            "kafka",
            ("confluent-kafka",),
            "for kafka:// URLs",
            without=(("3.10", "arm64"), ("3.11", "arm64")),
        ),
        Layer("amqp", ("pika",), "for amqp:// URLs"),
        Layer("redis", ("redis",), "for redis:// URLs"),
        Layer("vehicle", ("ultravin",), "make, model and body of a VIN: VINDROP_VEHICLE"),
        # Lambda brings boto3; on SCF it is 100 MB that only a mixed installation wants.
        Layer("aws", ("boto3",), "for sqs://, sns://, dynamodb:// and eventbridge:// URLs on SCF"),
    )
}
ALWAYS: Final = ("dependencies", "vindrop")
"""The layers of every function."""
USUAL: Final = (
    *("dependencies", "vindrop", "photo", "console"),
    *("postgresql", "mysql", "kafka", "amqp", "redis"),
)
"""What ``make layers`` builds."""
FUNCTIONS: Final = ("upload", "http_api", "step", "sweep")

RUNTIMES: Final[dict[Layout, tuple[str, ...]]] = {
    "scf": ("3.10",),
    "lambda": ("3.10", "3.11", "3.12", "3.13"),
}
ARCHITECTURES: Final[dict[Layout, tuple[Arch, ...]]] = {
    "scf": ("x86_64",),
    "lambda": ("x86_64", "arm64"),
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where a layer will run."""

    layout: Layout
    python: str
    """Minor version, such as ``3.10``."""
    arch: Arch

    @property
    def platform(self) -> str:
        """The name uv knows it by, for the oldest glibc that its images have (requirements.in)."""
        glibc = "manylinux2014" if self.python in {"3.10", "3.11"} else "manylinux_2_28"
        return f"{'x86_64' if self.arch == 'x86_64' else 'aarch64'}-{glibc}"

    @property
    def inside(self) -> str:
        """The folder inside the zip, with a trailing slash where there is one."""
        return "python/" if self.layout == "lambda" else ""

    @property
    def mounted(self) -> str:
        """Where that folder is when a function runs."""
        return "/opt/python" if self.layout == "lambda" else "/opt"

    @property
    def folder(self) -> str:
        """Where its zips are, below the output folder."""
        return f"{self.layout}-{self.python}-{self.arch}"
