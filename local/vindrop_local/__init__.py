"""The same on a laptop: the command, the bucket, the platform, all of it on one machine."""
