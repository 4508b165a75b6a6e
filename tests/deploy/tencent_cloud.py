# ruff: noqa: N802, N815  # methods are named as the actions of the API are
"""A loopback Tencent Cloud: API 3.0 for scf, cam, cls and sts, and COS for the code.

Every signature is checked as the cloud does; every field, its kind and its name, is held against
the official SDK's own models. What it keeps is what the toolkit asks for again.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit
from xml.sax.saxutils import escape

import tencentcloud

from tests.deploy.tencent_models import VERSIONS, Refused, held_against_model
from vindrop_local.bucket import Account
from vindrop_local.bucket.auth import Asked, check
from vindrop_local.bucket.errors import CosError
from vinocr import signature

UIN, APPID = "100000000001", "1250000000"


class TencentCloud:
    """``calls`` in order; ``objects`` by bucket host and key."""

    def __init__(self, models: Path, secret_id: str, secret_key: str) -> None:
        folder = str(models / "tencentcloud")
        if folder not in tencentcloud.__path__:
            tencentcloud.__path__.append(folder)
        self.account = Account(secret_id, secret_key)
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        self.refusals: list[str] = []
        self.objects: dict[tuple[str, str], bytes] = {}
        self.buckets: set[str] = set()
        self.kept: dict[str, dict[str, dict[str, Any]]] = {}
        self._lock = threading.Lock()
        self._server = self._serve()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _serve(self) -> ThreadingHTTPServer:
        cloud = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                body = self.read_body()
                headers = {name.lower(): value for name, value in self.headers.items()}
                if "myqcloud.com" in headers["host"]:
                    status, answer, more = cloud.cos(self.command, self.path, headers, body)
                    kind = "application/xml"
                else:
                    status, answer, more = 200, cloud.api(headers, body).encode(), {}
                    kind = "application/json"
                self.send_response(status)
                for name, value in {"Content-Type": kind, **more}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(answer)

            def read_body(self) -> bytes:
                if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = []
                while size := int(self.rfile.readline().partition(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = handle_any

            def log_message(self, *_: object) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        return server

    # ── COS ──────────────────────────────────────────────────────────────────────────────────

    def cos(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        split = urlsplit(target)
        path, query = unquote(split.path), parse_qsl(split.query, keep_blank_values=True)
        try:
            check(Asked(method, path, query, headers), [self.account], time.time())
        except CosError as error:
            self.refusals.append(f"COS {method} {target}: {error}")
            return 403, b"<Error><Code>SignatureDoesNotMatch</Code></Error>", {}
        bucket, key = headers["host"].partition(".")[0], path.lstrip("/")
        names = dict(query)
        with self._lock:
            if not key and method == "PUT":
                self.buckets.add(bucket)
            elif not key and method == "DELETE":
                self.buckets.discard(bucket)
                return 204, b"", {}
            elif not key and method == "GET":
                return 200, self._listing(bucket), {}
            elif not key and method == "POST" and "delete" in names:
                for name in re.findall(rb"<Key>(.*?)</Key>", body):
                    self.objects.pop((bucket, name.decode()), None)
                return 200, b"<DeleteResult></DeleteResult>", {}
            elif method == "PUT":
                if bucket not in self.buckets:
                    return 404, b"<Error><Code>NoSuchBucket</Code></Error>", {}
                self.objects[bucket, key] = body
                digest = hashlib.md5(body, usedforsecurity=False).hexdigest()
                return 200, b"", {"ETag": f'"{digest}"'}
            elif method == "DELETE":
                self.objects.pop((bucket, key), None)
                return 204, b"", {}
        return 200, b"", {}

    def _listing(self, bucket: str) -> bytes:
        found = "".join(
            f"<Contents><Key>{escape(key)}</Key></Contents>"
            for name, key in sorted(self.objects)
            if name == bucket
        )
        return (
            f"<ListBucketResult><IsTruncated>false</IsTruncated>{found}</ListBucketResult>".encode()
        )

    # ── API 3.0 ──────────────────────────────────────────────────────────────────────────────

    def api(self, headers: dict[str, str], body: bytes) -> str:
        request_id = str(uuid.uuid4())
        try:
            service, action, given = self._checked(headers, body)
            with self._lock:
                self.calls.append((service, action, given))
                answer = getattr(self, f"_{service}_{action}")(given)
        except Refused as error:
            if not error.code.startswith("ResourceNotFound") and "NotExist" not in error.code:
                self.refusals.append(f"{headers.get('x-tc-action')}: {error.code}: {error}")
            answer = {"Error": {"Code": error.code, "Message": str(error)}}
        except Exception as error:
            self.refusals.append(f"{headers.get('x-tc-action')}: {error!r}")
            answer = {"Error": {"Code": "InternalError", "Message": repr(error)}}
        return json.dumps({"Response": {**answer, "RequestId": request_id}})

    def _checked(self, headers: dict[str, str], body: bytes) -> tuple[str, str, dict[str, Any]]:
        given = signature.parse_authorization(headers["authorization"])
        service, action = headers["host"].partition(".")[0], headers["x-tc-action"]
        holds = signature.tc3_holds(
            self.account.secret_key,
            given,
            int(headers["x-tc-timestamp"]),
            method="POST",
            raw_query="",
            headers=headers,
            body_hash=hashlib.sha256(body).hexdigest(),
        )
        if given.secret_id != self.account.secret_id or not holds or given.service != service:
            raise Refused("AuthFailure.SignatureFailure", "the signature is wrong")
        if headers["x-tc-version"] != VERSIONS[service]:
            raise Refused("NoSuchVersion", headers["x-tc-version"])
        if service != "cam" and headers.get("x-tc-region") != "ap-guangzhou":
            raise Refused("UnsupportedRegion", str(headers.get("x-tc-region")))
        if len(body) > 10 * 1024 * 1024:
            raise Refused("RequestSizeLimitExceeded", str(len(body)))
        parameters = json.loads(body)
        held_against_model(service, action, parameters)
        return service, action, parameters

    def _of(self, kind: str) -> dict[str, dict[str, Any]]:
        return self.kept.setdefault(kind, {})

    def _sts_GetCallerIdentity(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"AccountId": UIN, "UserId": "100000000002", "Type": "CAMUser"}

    def _cam_GetRole(self, given: dict[str, Any]) -> dict[str, Any]:
        if given["RoleName"] not in self._of("role"):
            raise Refused("InvalidParameter.RoleNotExist", "no such role")
        return {"RoleInfo": {"RoleName": given["RoleName"]}}

    def _cam_CreateRole(self, given: dict[str, Any]) -> dict[str, Any]:
        json.loads(given["PolicyDocument"])
        self._of("role")[given["RoleName"]] = given
        return {"RoleId": "4611686018427397919"}

    def _cam_DeleteRole(self, given: dict[str, Any]) -> dict[str, Any]:
        self._of("role").pop(given["RoleName"])
        return {}

    def _cam_ListPolicies(self, given: dict[str, Any]) -> dict[str, Any]:
        found = [p for n, p in self._of("policy").items() if given["Keyword"] in n]
        return {"List": found, "TotalNum": len(found)}

    def _cam_CreatePolicy(self, given: dict[str, Any]) -> dict[str, Any]:
        number = 1000 + len(self._of("policy"))
        self._of("policy")[given["PolicyName"]] = {**given, "PolicyId": number}
        return {"PolicyId": number}

    def _cam_UpdatePolicy(self, given: dict[str, Any]) -> dict[str, Any]:
        (name,) = (n for n, p in self._of("policy").items() if p["PolicyId"] == given["PolicyId"])
        self._of("policy")[name].update(given)
        return {}

    def _cam_AttachRolePolicy(self, given: dict[str, Any]) -> dict[str, Any]:
        assert given["AttachRoleName"] in self._of("role")
        assert given["PolicyName"] in self._of("policy")
        return {}

    def _cam_DetachRolePolicy(self, _: dict[str, Any]) -> dict[str, Any]:
        return {}

    def _cam_DeletePolicy(self, given: dict[str, Any]) -> dict[str, Any]:
        for number in given["PolicyId"]:
            (name,) = (n for n, p in self._of("policy").items() if p["PolicyId"] == number)
            self._of("policy").pop(name)
        return {}

    def _cls_find(self, kind: str, key: str, given: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = [value for f in given["Filters"] for value in f["Values"]]
        return [one for one in self._of(kind).values() if any(w in one[key] for w in wanted)]

    def _cls_DescribeLogsets(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"Logsets": self._cls_find("logset", "LogsetName", given)}

    def _cls_DescribeTopics(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"Topics": self._cls_find("topic", "TopicName", given)}

    def _cls_DescribeAlarms(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"Alarms": self._cls_find("alarm", "Name", given)}

    def _cls_CreateLogset(self, given: dict[str, Any]) -> dict[str, Any]:
        self._of("logset")["logset-1"] = {**given, "LogsetId": "logset-1"}
        return {"LogsetId": "logset-1"}

    def _cls_CreateTopic(self, given: dict[str, Any]) -> dict[str, Any]:
        self._of("topic")["topic-1"] = {**given, "TopicId": "topic-1"}
        return {"TopicId": "topic-1"}

    def _cls_ModifyTopic(self, given: dict[str, Any]) -> dict[str, Any]:
        self._of("topic")[given["TopicId"]].update(given)
        return {}

    def _cls_CreateIndex(self, given: dict[str, Any]) -> dict[str, Any]:
        assert given["TopicId"] in self._of("topic")
        return {}

    def _cls_CreateAlarm(self, given: dict[str, Any]) -> dict[str, Any]:
        number = f"alarm-{len(self._of('alarm')) + 1}"
        self._of("alarm")[number] = {**given, "AlarmId": number}
        return {"AlarmId": number}

    def _cls_ModifyAlarm(self, given: dict[str, Any]) -> dict[str, Any]:
        self._of("alarm")[given["AlarmId"]].update(given)
        return {}

    def _cls_DeleteAlarm(self, given: dict[str, Any]) -> dict[str, Any]:
        self._of("alarm").pop(given["AlarmId"])
        return {}

    def _cls_DeleteTopic(self, given: dict[str, Any]) -> dict[str, Any]:
        self._of("topic").pop(given["TopicId"])
        return {}

    def _cls_DeleteLogset(self, given: dict[str, Any]) -> dict[str, Any]:
        self._of("logset").pop(given["LogsetId"])
        return {}

    def _function(self, given: dict[str, Any]) -> dict[str, Any]:
        found = self._of("function").get(given["FunctionName"])
        if found is None:
            raise Refused("ResourceNotFound.Function", "no such function")
        return found

    def _code(self, code: dict[str, Any]) -> dict[str, Any]:
        bucket = code["CosBucketName"]
        host = bucket if bucket.endswith(APPID) else f"{bucket}-{APPID}"
        if (host, code["CosObjectName"].lstrip("/")) not in self.objects:
            raise Refused("InvalidParameterValue.CosObjectName", "no such object")
        return code

    def _scf_GetFunction(self, given: dict[str, Any]) -> dict[str, Any]:
        found = self._function(given)
        return {**found, "Status": "Active", "Namespace": "default", "Qualifier": "$LATEST"}

    def _scf_CreateFunction(self, given: dict[str, Any]) -> dict[str, Any]:
        self._code(given["Code"])
        assert given["Role"] in self._of("role"), "the role is not there"
        self._of("function")[given["FunctionName"]] = given
        return {}

    def _scf_UpdateFunctionCode(self, given: dict[str, Any]) -> dict[str, Any]:
        self._function(given).update(Code=self._code(given["Code"]))
        return {}

    def _scf_UpdateFunctionConfiguration(self, given: dict[str, Any]) -> dict[str, Any]:
        self._function(given).update(given)
        return {}

    def _scf_UpdateFunctionEventInvokeConfig(self, given: dict[str, Any]) -> dict[str, Any]:
        self._function(given)
        return {}

    def _scf_PutReservedConcurrencyConfig(self, given: dict[str, Any]) -> dict[str, Any]:
        self._function(given)
        return {}

    def _scf_GetAlias(self, _: dict[str, Any]) -> dict[str, Any]:
        raise Refused("ResourceNotFound.Alias", "no such alias")

    def _scf_DeleteFunction(self, given: dict[str, Any]) -> dict[str, Any]:
        self._function(given)
        self._of("function").pop(given["FunctionName"])
        for name in [n for n, t in self._of("trigger").items() if t["of"] == given["FunctionName"]]:
            self._of("trigger").pop(name)
        return {}

    def _scf_ListTriggers(self, given: dict[str, Any]) -> dict[str, Any]:
        kinds = [v for f in given.get("Filters", []) if f["Name"] == "Type" for v in f["Values"]]
        found = [
            one["info"]
            for one in self._of("trigger").values()
            if one["of"] == given["FunctionName"] and (not kinds or one["info"]["Type"] in kinds)
        ]
        return {"Triggers": found, "TotalCount": len(found)}

    def _scf_CreateTrigger(self, given: dict[str, Any]) -> dict[str, Any]:
        self._function(given)
        if len(given["TriggerName"].encode()) > 60:
            return {"TriggerInfo": {}}  # as the cloud does: nothing is made, nothing is said
        description = given["TriggerDesc"]
        if given["Type"] == "http":
            description = json.dumps(
                {
                    **json.loads(description),
                    "NetConfig": {"ExtranetUrl": "https://example.tencentscf.com"},
                }
            )
        elif given["Type"] == "timer":
            description = json.dumps({"cron": description})
        info = {
            "TriggerName": given["TriggerName"],
            "Type": given["Type"],
            "TriggerDesc": description,
            "Qualifier": given["Qualifier"],
            "Enable": 1 if given["Enable"] == "OPEN" else 0,
            "CustomArgument": given.get("CustomArgument", ""),
        }
        name = f"{given['FunctionName']}/{given['TriggerName']}"
        self._of("trigger")[name] = {"of": given["FunctionName"], "info": info}
        return {"TriggerInfo": info}

    def _scf_UpdateTrigger(self, _: dict[str, Any]) -> dict[str, Any]:
        return {}

    def _scf_DeleteTrigger(self, given: dict[str, Any]) -> dict[str, Any]:
        self._of("trigger").pop(f"{given['FunctionName']}/{given['TriggerName']}")
        return {}

    def _scf_PublishLayerVersion(self, given: dict[str, Any]) -> dict[str, Any]:
        self._code(given["Content"])
        number = 1 + sum(
            one["LayerName"] == given["LayerName"] for one in self._of("layer").values()
        )
        self._of("layer")[f"{given['LayerName']}:{number}"] = {**given, "LayerVersion": number}
        return {"LayerVersion": number}

    def _scf_GetLayerVersion(self, given: dict[str, Any]) -> dict[str, Any]:
        found = self._of("layer")[f"{given['LayerName']}:{given['LayerVersion']}"]
        return {**found, "Status": "Active"}

    def _scf_ListLayerVersions(self, given: dict[str, Any]) -> dict[str, Any]:
        found = [o for o in self._of("layer").values() if o["LayerName"] == given["LayerName"]]
        return {"LayerVersions": found, "TotalCount": len(found)}

    def _scf_DeleteLayerVersion(self, given: dict[str, Any]) -> dict[str, Any]:
        self._of("layer").pop(f"{given['LayerName']}:{given['LayerVersion']}")
        return {}
