"""The whole way on one machine, as `tests/pipeline` has it."""

from tests.pipeline.conftest import _servers, world

__all__ = ["_servers", "world"]
