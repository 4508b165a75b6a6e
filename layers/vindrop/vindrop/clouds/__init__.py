"""One file per object store behind one protocol, and the API clients of each cloud."""
