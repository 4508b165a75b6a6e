"""Builds `vindrop/domain/manufacturers.tsv` from public data of record."""
