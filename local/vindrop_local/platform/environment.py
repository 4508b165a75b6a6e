"""What a function finds around it: variables and context, in SCF's names or Lambda's."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from vindrop_local.platform.spec import FunctionSpec, Identity

NAMESPACE = "default"
VERSION = "$LATEST"


def variables(spec: FunctionSpec, identity: Identity) -> dict[str, str]:
    """Return all variables of a function's process. Nothing of this process's own is among them."""
    common = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "PYTHONPATH": ":".join(str(folder) for folder in _path(spec)),
        # Both platforms mount the code read-only.
        "PYTHONDONTWRITEBYTECODE": "x",
    }
    if spec.style == "lambda":
        own = {
            "AWS_LAMBDA_FUNCTION_NAME": spec.name,
            "AWS_LAMBDA_FUNCTION_VERSION": VERSION,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info[0]}.{sys.version_info[1]}",
            "AWS_REGION": identity.region,
            "AWS_DEFAULT_REGION": identity.region,
            "LAMBDA_TASK_ROOT": str(spec.code_dir.absolute()),
            "_HANDLER": spec.handler,
            "TZ": ":UTC",
        }
    else:
        own = {
            "TENCENTCLOUD_RUNENV": "SCF",
            "TENCENTCLOUD_REGION": identity.region,
            "TENCENTCLOUD_APPID": identity.appid,
            "SCF_FUNCTIONNAME": spec.name,
            "SCF_NAMESPACE": NAMESPACE,
            "USER_CODE_ROOT": f"{spec.code_dir.absolute()}/",
        }
    return {**common, **spec.environment, **own, **credentials(spec, identity)}


def _path(spec: FunctionSpec) -> list[str]:
    folders = [spec.code_dir.absolute()]
    for layer in spec.layers:
        # SCF puts a layer's root on the path, Lambda its python/.
        inner = layer.absolute() / "python"
        folders.append(inner if spec.style == "lambda" and inner.is_dir() else layer.absolute())
    return [str(folder) for folder in folders]


def credentials(spec: FunctionSpec, identity: Identity) -> dict[str, str]:
    """Return the role's keys under the platform's names; none where the function has no role."""
    names = (
        ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        if spec.style == "lambda"
        else ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", "TENCENTCLOUD_SESSIONTOKEN")
    )
    values = (identity.secret_id, identity.secret_key, identity.session_token)
    return {name: value for name, value in zip(names, values, strict=True) if value}


def context(spec: FunctionSpec, identity: Identity, request_id: str) -> dict[str, Any]:
    """Return the context of a call: SCF's dict, or the attributes of Lambda's object."""
    if spec.style == "lambda":
        return {
            "aws_request_id": request_id,
            "function_name": spec.name,
            "function_version": VERSION,
            "invoked_function_arn": (
                f"arn:aws:lambda:{identity.region}:{identity.appid.zfill(12)[:12]}"
                f":function:{spec.name}"
            ),
            "memory_limit_in_mb": str(spec.memory_mb),
            "log_group_name": f"/aws/lambda/{spec.name}",
            "log_stream_name": f"local/[{VERSION}]{request_id}",
        }
    own: Mapping[str, str] = {"SCF_NAMESPACE": NAMESPACE, **spec.environment}
    return {
        "memory_limit_in_mb": spec.memory_mb,
        "time_limit_in_ms": int(spec.timeout_seconds * 1000),
        "request_id": request_id,
        "environment": json.dumps({**own, **credentials(spec, identity)}),
        "environ": ";".join(f"{name}={value}" for name, value in own.items()),
        "function_version": VERSION,
        "function_name": spec.name,
        "namespace": NAMESPACE,
        "tencentcloud_region": identity.region,
        "tencentcloud_appid": identity.appid,
        "tencentcloud_uin": identity.uin,
    }
