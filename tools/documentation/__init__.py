"""The documentation site: pages of `docs/`, reference pages made from the code, checks of both."""
