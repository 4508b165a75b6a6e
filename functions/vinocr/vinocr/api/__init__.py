"""API 3.0 without a server: requests, signatures, accounts, limits, codes, faults, images."""
