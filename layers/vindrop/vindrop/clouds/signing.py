"""Signed URLs: a key to one photo, for some minutes.

COS is signed here, in the forty lines below, since its SDK takes longer to import than a call to
VinOCR takes and leaves the session token out of the URL; the tests hold every signature against
the SDK's own. S3 is signed by botocore, of which only the signer is loaded.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from urllib.parse import quote, urlsplit

from vindrop.clouds.credentials import Credentials
from vindrop.core.store_errors import load_client
from vindrop.domain.upload import Upload

_UNRESERVED = "-_.~"


def object_url(upload: Upload, endpoint: str) -> str:
    """Return the unsigned URL of the object.

    :param endpoint: ``http://host:port`` of a compatible store, or empty for the cloud's own.
    """
    path = quote(upload.key, safe="/" + _UNRESERVED)
    if upload.cloud == "tencent":
        base = endpoint or f"https://{upload.bucket}.cos.{upload.region}.myqcloud.com"
        return f"{base}/{path}"
    if endpoint:
        return f"{endpoint}/{upload.bucket}/{path}"
    dotted = "." in upload.bucket  # a dot would break the wildcard certificate: path style then
    suffix = "amazonaws.com.cn" if upload.region.startswith("cn-") else "amazonaws.com"
    host = f"s3.{upload.region}.{suffix}"
    if dotted:
        return f"https://{host}/{upload.bucket}/{path}"
    return f"https://{upload.bucket}.{host}/{path}"


def signed_url(
    upload: Upload,
    credentials: Credentials,
    *,
    seconds: int,
    endpoint: str = "",
    method: str = "GET",
) -> str:
    """Return a URL that opens the object for ``seconds``, or until the credentials' token dies."""
    url = object_url(upload, endpoint)
    if upload.cloud == "tencent":
        return _sign_cos(url, "/" + upload.key, credentials, seconds, method)
    return _sign_s3(url, upload.region, credentials, seconds, method)


def signed_listing_url(
    bucket: str,
    region: str,
    credentials: Credentials,
    parameters: dict[str, str],
    *,
    endpoint: str = "",
    seconds: int = 60,
) -> str:
    """Return a URL that lists a bucket on COS.

    :param parameters: of the request (prefix, marker, …); COS does not ask for them to be signed.
    """
    base = endpoint or f"https://{bucket}.cos.{region}.myqcloud.com"
    signed = _sign_cos(f"{base}/", "/", credentials, seconds, "GET")
    return signed + "".join(f"&{_quote(name)}={_quote(v)}" for name, v in parameters.items())


def _sign_cos(url: str, path: str, credentials: Credentials, seconds: int, method: str) -> str:
    # Signature version 5 (q-sign), doc 436/7778: HMAC-SHA1 over method, decoded path, parameters
    # and headers, under a key that itself is only good for the time given.
    start = int(time.time()) - 60  # the bucket's clock may run behind ours
    window = f"{start};{start + 60 + seconds}"
    parameters = {}
    if credentials.token:
        parameters["x-cos-security-token"] = credentials.token
    encoded = "&".join(f"{_quote(name)}={_quote(value)}" for name, value in parameters.items())
    names = ";".join(parameters)
    headers = f"host={_quote(urlsplit(url).netloc)}"
    request = f"{method.lower()}\n{path}\n{encoded}\n{headers}\n"
    sign_key = hmac.new(credentials.key.encode(), window.encode(), hashlib.sha1).hexdigest()
    hashed = hashlib.sha1(request.encode()).hexdigest()  # noqa: S324  # the provider's algorithm
    signature = hmac.new(
        sign_key.encode(), f"sha1\n{window}\n{hashed}\n".encode(), hashlib.sha1
    ).hexdigest()
    query = {
        "q-sign-algorithm": "sha1",
        "q-ak": credentials.id,
        "q-sign-time": window,
        "q-key-time": window,
        "q-header-list": "host",
        "q-url-param-list": names,
        "q-signature": signature,
    }
    signed = "&".join(f"{name}={_quote(value)}" for name, value in query.items())
    return f"{url}?{signed}{'&' if encoded else ''}{encoded}"


def _sign_s3(url: str, region: str, credentials: Credentials, seconds: int, method: str) -> str:
    auth = load_client("botocore.auth", "a bucket on S3")
    request_class = load_client("botocore.awsrequest", "a bucket on S3").AWSRequest
    keys = load_client("botocore.credentials", "a bucket on S3").Credentials(
        credentials.id, credentials.key, credentials.token
    )
    request = request_class(method=method, url=url)
    auth.S3SigV4QueryAuth(keys, "s3", region, expires=seconds).add_auth(request)
    return str(request.url)


def _quote(text: str) -> str:
    return quote(text, safe=_UNRESERVED)
