"""The photos' bucket with the rules that the page needs, as `osls deploy` adds them (deploy/tencent/storage.js)."""

from __future__ import annotations

import re
from typing import Any, Final

from vindrop_local.errors import UserError
from vindrop_local.tencent_bootstrap import Step
from vindrop_local.tencent_bootstrap.cloud import Cloud

UPLOAD_PREFIX: Final = "http-uploads/"
CORS: Final[dict[str, Any]] = {
    "ID": "vindrop-page",
    "AllowedOrigin": ["*"],
    "AllowedMethod": ["PUT"],
    "AllowedHeader": ["*"],
    "ExposeHeader": ["ETag", "x-cos-request-id"],
    "MaxAgeSeconds": "600",
}
"""Lets browsers try; the signed URL is what lets a photo in."""
LIFECYCLE: Final[dict[str, Any]] = {
    "ID": "vindrop-uploads",
    "Status": "Enabled",
    "Filter": {"Prefix": UPLOAD_PREFIX},
    "Expiration": {"Days": "1"},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": "1"},
}
_NAME: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,48}[a-z0-9])?")
_LONGEST_TRIGGER: Final = 60
"""Bytes: SCF names a bucket trigger by the bucket's host, and creates none that is longer."""


def full_name(bucket: str, appid: str, region: str) -> str:
    """Return `name-appid`.

    :param bucket: with or without the account's number.
    :raises UserError: no bucket of this account can be called so.
    """
    name = bucket.removesuffix(f"-{appid}")
    if not _NAME.fullmatch(name):
        raise UserError(f"no bucket can be called {bucket!r}: small letters, digits and hyphens")
    if re.search(r"-\d{8,12}$", name):
        raise UserError(
            f"{bucket} is a bucket of another account: the number of this one is {appid}"
        )
    found = f"{name}-{appid}"
    host = f"{found}.cos.{region}.myqcloud.com"
    if len(host) > _LONGEST_TRIGGER:
        raise UserError(
            f"SCF's trigger would be named {host}, {len(host)} bytes, and it creates none over "
            f"{_LONGEST_TRIGGER}: take a shorter name with --bucket"
        )
    return found


def steps(cloud: Cloud, bucket: str) -> list[Step]:
    """Return the bucket and its three configurations."""
    rules = _Rules(cloud, bucket)
    return [
        Step("bucket", bucket, rules.bucket_missing, rules.make_bucket),
        Step("bucket: CORS", str(CORS["ID"]), rules.cors_missing, rules.put_cors),
        Step(
            "bucket: lifecycle", str(LIFECYCLE["ID"]), rules.lifecycle_missing, rules.put_lifecycle
        ),
        Step("bucket: encryption", "AES256 (SSE-COS)", rules.encryption_missing, rules.encrypt),
    ]


class _Rules:
    def __init__(self, cloud: Cloud, bucket: str) -> None:
        self._cloud, self._bucket = cloud, bucket
        self._there = False
        self._cors: list[dict[str, Any]] = []
        self._lifecycle: list[dict[str, Any]] = []

    def bucket_missing(self) -> str:
        found = self._cloud.cos("GetService", lambda client: client.list_buckets()) or {}
        own = ((found.get("Buckets") or {}).get("Bucket")) or []
        region = next((one["Location"] for one in own if one["Name"] == self._bucket), None)
        if region not in {None, self._cloud.region}:
            raise UserError(
                f"{self._bucket} is in {region}, not in {self._cloud.region}: a function is told only of "
                f"buckets of its own region; take --region {region}, or another name with --bucket"
            )
        self._there = region is not None
        return "" if self._there else f"a private bucket in {self._cloud.region}"

    def make_bucket(self) -> None:
        self._cloud.cos("PutBucket", lambda client: client.create_bucket(Bucket=self._bucket))
        self._there = True

    def cors_missing(self) -> str:
        found = self._configured("GetBucketCORS", "get_bucket_cors", "NoSuchCORSConfiguration")
        self._cors = _listed(found.get("CORSRule"))
        return "" if _holds(self._cors, CORS) else "browsers may PUT large photos by signed URLs"

    def put_cors(self) -> None:
        merged = {"CORSRule": _merged(self._cors, CORS)}
        self._cloud.cos(
            "PutBucketCORS", lambda client: client.put_bucket_cors(self._bucket, merged)
        )

    def lifecycle_missing(self) -> str:
        code = "NoSuchLifecycleConfiguration"
        found = self._configured("GetBucketLifecycle", "get_bucket_lifecycle", code)
        self._lifecycle = _listed(found.get("Rule"))
        if _holds(self._lifecycle, LIFECYCLE):
            return ""
        return f"what is put under {UPLOAD_PREFIX} is deleted after a day"

    def put_lifecycle(self) -> None:
        merged = {"Rule": _merged(self._lifecycle, LIFECYCLE)}
        self._cloud.cos(
            "PutBucketLifecycle", lambda client: client.put_bucket_lifecycle(self._bucket, merged)
        )

    def encryption_missing(self) -> str:
        code = "NoSuchEncryptionConfiguration"
        found = self._configured("GetBucketEncryption", "get_bucket_encryption", code)
        return "" if found.get("Rule") else "objects are encrypted with keys of COS"

    def encrypt(self) -> None:
        rule = {"Rule": [{"ApplySideEncryptionConfiguration": {"SSEAlgorithm": "AES256"}}]}
        self._cloud.cos(
            "PutBucketEncryption", lambda client: client.put_bucket_encryption(self._bucket, rule)
        )

    def _configured(self, action: str, method: str, absent: str) -> dict[str, Any]:
        if not self._there:
            return {}
        found = self._cloud.cos(
            action, lambda client: getattr(client, method)(self._bucket), absent=(absent,)
        )
        return found if isinstance(found, dict) else {}


def _listed(rules: Any) -> list[dict[str, Any]]:
    return rules if isinstance(rules, list) else [rules] if isinstance(rules, dict) else []


def _merged(rules: list[dict[str, Any]], own: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the bucket's rules, with ours in the place of an earlier one of ours."""
    return [*(rule for rule in rules if rule.get("ID") != own["ID"]), own]


def _holds(rules: list[dict[str, Any]], own: dict[str, Any]) -> bool:
    return any(_flat(rule) == _flat(own) for rule in rules if rule.get("ID") == own["ID"])


def _flat(rule: Any) -> Any:
    """Return a rule in one form: the client makes one element of a list a text, and all numbers text."""
    if isinstance(rule, dict):
        return {name: _flat(value) for name, value in rule.items()}
    each = rule if isinstance(rule, list) else [rule]
    return sorted(str(_flat(value)) if isinstance(value, dict) else str(value) for value in each)
