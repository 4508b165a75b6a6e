"""Measurements: run the modules in here as scripts."""
