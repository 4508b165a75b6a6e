"""Where state is kept: the ledger, the rate limiter, and the databases under them."""
