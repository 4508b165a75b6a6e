"""VinOCR: Tencent Cloud's VIN recognition API on the wire, with a reader of our own behind it.

``python -m vinocr`` starts it; `vinocr.launcher` starts it as a child of a Python program.

- ``settings``: every VINOCR_ variable; ``logging_json``: the log; ``aws_lambda``: the Lambda handler
- ``api/``: API 3.0 without a server: requests, signatures, accounts, rate limiter, error codes,
  faults, checks and download of images
- ``serve/``: the process: socket, HTTP application, the VinOCR action, the extra API, metrics, and
  the reader processes with their pool
- ``reader/``: the reader: a photo's bytes in, its VIN out
"""
