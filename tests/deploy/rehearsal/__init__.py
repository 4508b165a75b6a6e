"""A deployment on a loopback cloud, to look at: ``make rehearsal CLOUD=aws`` or ``CLOUD=tencent``."""
