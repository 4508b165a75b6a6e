"""The server process: HTTP, the VinOCR action, the extra API, metrics and the reader processes."""
