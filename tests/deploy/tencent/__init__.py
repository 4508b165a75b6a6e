"""A loopback Tencent Cloud that checks what it is asked; see `cloud`."""
