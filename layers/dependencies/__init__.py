"""Builds the layers and function packages; `python -m layers.dependencies --help`."""
