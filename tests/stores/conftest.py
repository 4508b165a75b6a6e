"""Fixtures of this folder; the servers themselves are shared with `tests/destinations`."""

from tests.stores.fixtures import servers, store_url

__all__ = ["servers", "store_url"]
