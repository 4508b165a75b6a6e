"""Rate limiters, one file per kind of store; one admission rule: gcra.py."""
