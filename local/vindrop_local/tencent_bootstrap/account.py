"""Who may do what: SCF's service role, and the sub-account that `osls deploy` deploys with."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from vindrop_local.errors import UserError
from vindrop_local.tencent_bootstrap import Step
from vindrop_local.tencent_bootstrap.cloud import Cloud
from vindrop_local.tencent_bootstrap.env_file import EnvFile

SERVICE_ROLE: Final = "SCF_QcsRole"
SERVICE_POLICY: Final = "QcloudAccessForScfRole"
"""Preset: SCF reads code zips and sets triggers on buckets with it (doc 583/32389)."""
TRUST: Final[dict[str, Any]] = {
    "version": "2.0",
    "statement": [
        {
            "action": "name/sts:AssumeRole",
            "effect": "allow",
            "principal": {"service": ["scf.qcloud.com"]},
        }
    ],
}
KEY: Final = ("TENCENT_SECRET_ID", "TENCENT_SECRET_KEY")

_CALLS: Final = {
    "sts": ["GetCallerIdentity"],
    "cam": [
        *("GetRole", "CreateRole", "DeleteRole", "PassRole"),
        *("ListPolicies", "CreatePolicy", "UpdatePolicy", "DeletePolicy"),
        *("AttachRolePolicy", "DetachRolePolicy"),
    ],
    "cls": [
        *("DescribeLogsets", "CreateLogset", "DeleteLogset"),
        *("DescribeTopics", "CreateTopic", "ModifyTopic", "DeleteTopic", "CreateIndex"),
        *("DescribeAlarms", "CreateAlarm", "ModifyAlarm", "DeleteAlarm"),
    ],
    "scf": [
        *("GetFunction", "CreateFunction", "UpdateFunctionCode", "UpdateFunctionConfiguration"),
        *("DeleteFunction", "GetAlias", "UpdateFunctionEventInvokeConfig"),
        *("ListTriggers", "CreateTrigger", "UpdateTrigger", "DeleteTrigger"),
        *("PutReservedConcurrencyConfig", "PublishLayerVersion", "GetLayerVersion"),
        *("ListLayerVersions", "DeleteLayerVersion"),
    ],
    "vpc": ["DescribeVpcEx", "DescribeSubnetEx"],
}
"""Service → what `osls deploy`, `info` and `remove` call. CAM and CLS take most of these by action
alone (doc 598/69872), SCF's forms of a function are not confirmed: so these stand with every resource."""
_CODE_BUCKET: Final = [
    *("HeadBucket", "PutBucket", "GetBucket", "DeleteBucket", "PutBucketACL", "PutBucketTagging"),
    *("HeadObject", "GetObject", "PutObject", "DeleteObject", "DeleteMultipleObjects"),
    *("InitiateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "AbortMultipartUpload"),
    *("ListMultipartUploads", "ListParts"),
]
_PHOTOS: Final = [
    *("HeadBucket", "GetBucketCORS", "PutBucketCORS", "DeleteBucketCORS"),
    *("GetBucketLifecycle", "PutBucketLifecycle", "DeleteBucketLifecycle"),
    *("GetBucketEncryption", "PutBucketEncryption"),
]
_SAMPLE: Final = ["HeadObject", "GetObject", "PutObject", "InitiateMultipartUpload", "UploadPart"]
"""So that the first photo can be put and seen with the same keys (docs/deploy-tencent.md)."""


def deploy_policy(region: str, appid: str, bucket: str, name: str) -> dict[str, Any]:
    """Return what the deploying sub-account may do: the calls of `osls`, and no more.

    :param name: service and stage, such as `vindrop-dev`.
    """
    code, account = f"{name}-code-{appid}", f"qcs::cos:{region}:uid/{appid}"
    calls = [f"{service}:{action}" for service, actions in _CALLS.items() for action in actions]
    statements = [
        (calls, ["*"]),
        (_names(["GetService"]), ["*"]),
        (_names(_CODE_BUCKET), [f"{account}:{code}/*"]),
        (_names([*_PHOTOS, *_SAMPLE, "CompleteMultipartUpload"]), [f"{account}:{bucket}/*"]),
    ]
    return {
        "version": "2.0",
        "statement": [
            {"effect": "allow", "action": actions, "resource": resources}
            for actions, resources in statements
        ],
    }


def _names(actions: Iterable[str]) -> list[str]:
    return [f"name/cos:{action}" for action in actions]


def service_role(cloud: Cloud) -> Step:
    """Return the role that SCF's console makes when it is first opened."""
    state: dict[str, bool] = {}

    def look() -> str:
        state["role"] = cloud.look("cam", "GetRole", RoleName=SERVICE_ROLE) is not None
        if not state["role"]:
            return f"SCF reads code and sets triggers with it ({SERVICE_POLICY})"
        found = cloud.call("cam", "ListAttachedRolePolicies", RoleName=SERVICE_ROLE, Page=1, Rp=200)
        names = {one["PolicyName"] for one in found.get("List") or []}
        return "" if SERVICE_POLICY in names else f"its policy {SERVICE_POLICY} is not attached"

    def make() -> None:
        if not state["role"]:
            cloud.call(
                "cam",
                "CreateRole",
                RoleName=SERVICE_ROLE,
                PolicyDocument=json.dumps(TRUST),
                Description="SCF's configuration role",
            )
        cloud.call(
            "cam", "AttachRolePolicy", AttachRoleName=SERVICE_ROLE, PolicyName=SERVICE_POLICY
        )

    return Step("role", SERVICE_ROLE, look, make)


def sub_account(cloud: Cloud, name: str, document: dict[str, Any], file: EnvFile) -> list[Step]:
    """Return the policy, the user it is attached to, and the user's key in ``file``."""
    user = _Deployer(cloud, name, document, file)
    return [
        Step("policy", user.name, user.policy_missing, user.make_policy, document),
        Step("sub-account", user.name, user.missing, user.make),
        Step("sub-account: policy", user.name, user.attachment_missing, user.attach),
        Step("sub-account: key", f"in {file.path}", user.key_missing, user.make_key),
    ]


class _Deployer:
    def __init__(self, cloud: Cloud, name: str, document: dict[str, Any], file: EnvFile) -> None:
        self._cloud, self._document, self._file = cloud, document, file
        self.name = f"{name}-deploy"
        self._policy: int | None = None
        self._uin: int | None = None

    def policy_missing(self) -> str:
        found = self._cloud.call("cam", "ListPolicies", Keyword=self.name, Scope="Local", Rp=200)
        own = [one for one in found.get("List") or [] if one["PolicyName"] == self.name]
        self._policy = own[0]["PolicyId"] if own else None
        if self._policy is None:
            return "the calls that `osls` makes, and no others"
        held = self._cloud.call("cam", "GetPolicy", PolicyId=self._policy).get("PolicyDocument")
        return "" if _same(held, self._document) else "it says something else than it should"

    def make_policy(self) -> None:
        text = json.dumps(self._document)
        if self._policy is not None:
            self._cloud.call("cam", "UpdatePolicy", PolicyId=self._policy, PolicyDocument=text)
            return
        made = self._cloud.call(
            "cam",
            "CreatePolicy",
            PolicyName=self.name,
            PolicyDocument=text,
            Description="vindrop: what osls deploy calls",
        )
        self._policy = made["PolicyId"]

    def missing(self) -> str:
        found = self._cloud.look("cam", "GetUser", Name=self.name)
        self._uin = found["Uin"] if found else None
        return "" if found else "a sub-account without a console login"

    def make(self) -> None:
        made = self._cloud.call(
            "cam",
            "AddUser",
            Name=self.name,
            Remark="vindrop: deploys its functions",
            ConsoleLogin=0,
            UseApi=0,
        )
        self._uin = made["Uin"]

    def attachment_missing(self) -> str:
        if self._uin is not None and self._policy is not None:
            found = self._cloud.call(
                "cam", "ListAttachedUserPolicies", TargetUin=self._uin, Page=1, Rp=200
            )
            if any(one["PolicyName"] == self.name for one in found.get("List") or []):
                return ""
        return f"{self.name} is attached to it"

    def attach(self) -> None:
        self._cloud.call("cam", "AttachUserPolicy", PolicyId=self._policy, AttachUin=self._uin)

    def key_missing(self) -> str:
        given = self._file.get(KEY[0])
        if self._uin is not None:
            found = self._cloud.call("cam", "ListAccessKeys", TargetUin=self._uin)
            keys = {one["AccessKeyId"] for one in found.get("AccessKeys") or []}
            if given in keys and self._file.get(KEY[1]):
                return ""
            if len(keys) > 1:
                raise UserError(
                    f"{self.name} has two keys, as many as CAM gives, and {self._file.path} holds "
                    "neither: delete one in CAM's console, then run this again"
                )
        return "a key of its own; it is written there, and shown nowhere"

    def make_key(self) -> None:
        made = self._cloud.call("cam", "CreateAccessKey", TargetUin=self._uin)["AccessKey"]
        self._file.put({KEY[0]: made["AccessKeyId"], KEY[1]: made["SecretAccessKey"]})


def _same(held: Any, document: dict[str, Any]) -> bool:
    try:
        return bool(json.loads(held) == document)
    except (TypeError, ValueError):
        return False
