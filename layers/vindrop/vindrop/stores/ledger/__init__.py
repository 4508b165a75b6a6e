"""Ledgers, one file per kind of store."""
