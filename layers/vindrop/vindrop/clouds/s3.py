"""Amazon S3. Signed by botocore, of which only the signer is loaded."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import unquote_plus

from vindrop.clouds import AWS, Credentials, query_of
from vindrop.clouds.http_store import HTTPStore, Request
from vindrop.core.invocation import Platform
from vindrop.core.store_errors import load_client
from vindrop.domain.upload import BucketCloud


class S3(HTTPStore):
    """An event's version is the version's id, or ``ETag+sequencer``."""

    cloud: ClassVar[BucketCloud] = "aws"
    scheme = "s3"
    role_variables = AWS
    region_variable = "AWS_REGION"
    platforms: ClassVar[frozenset[Platform]] = frozenset({"lambda"})
    own_region_form = r"[a-z]{2}(?:-[a-z]+)?-(?:north|south|east|west|central)(?:east|west)?-\d"
    bucket_form = r"(?!.*\.\.)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
    etag_form = r"[0-9a-f]{32}(?:-[0-9]{1,5})?"
    version_header = "x-amz-version-id"
    request_id_header = "x-amz-request-id"

    @staticmethod
    def host(bucket: str, region: str) -> tuple[str, bool]:
        """Return the region's host, with the bucket before it unless its name holds a dot.

        A dot would break the wildcard certificate.
        """
        suffix = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
        host = f"s3.{region}.{suffix}"
        return (host, False) if "." in bucket else (f"{bucket}.{host}", True)

    @staticmethod
    def sign(request: Request, credentials: Credentials, seconds: int) -> str:
        """Sign with version 4, in the query."""
        auth = load_client("botocore.auth", "a bucket on S3")
        request_class = load_client("botocore.awsrequest", "a bucket on S3").AWSRequest
        found = load_client("botocore.credentials", "a bucket on S3").Credentials(
            credentials.id, credentials.key, credentials.token
        )
        query = f"?{query_of(request.parameters)}" if request.parameters else ""
        signed = request_class(
            method=request.method, url=request.url + query, headers=dict(request.headers)
        )
        auth.S3SigV4QueryAuth(found, "s3", request.region, expires=seconds).add_auth(signed)
        return str(signed.url)

    @staticmethod
    def decode_key(text: str) -> str:
        """Return a key of a listing: S3 writes a space as a plus sign."""
        return unquote_plus(text)
