# ruff: noqa: N802  # methods are named as the actions of the API are
"""Functions, triggers and layers: SCF."""

from __future__ import annotations

import json
from typing import Any

from tests.deploy.tencent.models import Refused
from tests.deploy.tencent.state import APPID, State


class SCF:
    def __init__(self, state: State) -> None:
        self._state = state

    def _function(self, given: dict[str, Any]) -> dict[str, Any]:
        found = self._state.of("function").get(given["FunctionName"])
        if found is None:
            raise Refused("ResourceNotFound.Function", "no such function")
        return found

    def _code(self, code: dict[str, Any]) -> dict[str, Any]:
        bucket = code["CosBucketName"]
        host = bucket if bucket.endswith(APPID) else f"{bucket}-{APPID}"
        if (host, code["CosObjectName"].lstrip("/")) not in self._state.objects:
            raise Refused("InvalidParameterValue.CosObjectName", "no such object")
        return code

    def GetFunction(self, given: dict[str, Any]) -> dict[str, Any]:
        found = self._function(given)
        return {**found, "Status": "Active", "Namespace": "default", "Qualifier": "$LATEST"}

    def CreateFunction(self, given: dict[str, Any]) -> dict[str, Any]:
        self._code(given["Code"])
        assert given["Role"] in self._state.of("role"), "the role is not there"
        self._state.of("function")[given["FunctionName"]] = given
        return {}

    def UpdateFunctionCode(self, given: dict[str, Any]) -> dict[str, Any]:
        self._function(given).update(Code=self._code(given["Code"]))
        return {}

    def UpdateFunctionConfiguration(self, given: dict[str, Any]) -> dict[str, Any]:
        self._function(given).update(given)
        return {}

    def UpdateFunctionEventInvokeConfig(self, given: dict[str, Any]) -> dict[str, Any]:
        self._function(given)
        return {}

    def PutReservedConcurrencyConfig(self, given: dict[str, Any]) -> dict[str, Any]:
        self._function(given)
        return {}

    def GetAlias(self, _: dict[str, Any]) -> dict[str, Any]:
        raise Refused("ResourceNotFound.Alias", "no such alias")

    def DeleteFunction(self, given: dict[str, Any]) -> dict[str, Any]:
        self._function(given)
        self._state.of("function").pop(given["FunctionName"])
        for name in [
            n for n, t in self._state.of("trigger").items() if t["of"] == given["FunctionName"]
        ]:
            self._state.of("trigger").pop(name)
        return {}

    def ListTriggers(self, given: dict[str, Any]) -> dict[str, Any]:
        kinds = [v for f in given.get("Filters", []) if f["Name"] == "Type" for v in f["Values"]]
        found = [
            one["info"]
            for one in self._state.of("trigger").values()
            if one["of"] == given["FunctionName"] and (not kinds or one["info"]["Type"] in kinds)
        ]
        return {"Triggers": found, "TotalCount": len(found)}

    def CreateTrigger(self, given: dict[str, Any]) -> dict[str, Any]:
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
        self._state.of("trigger")[name] = {"of": given["FunctionName"], "info": info}
        return {"TriggerInfo": info}

    def UpdateTrigger(self, _: dict[str, Any]) -> dict[str, Any]:
        return {}

    def DeleteTrigger(self, given: dict[str, Any]) -> dict[str, Any]:
        self._state.of("trigger").pop(f"{given['FunctionName']}/{given['TriggerName']}")
        return {}

    def PublishLayerVersion(self, given: dict[str, Any]) -> dict[str, Any]:
        self._code(given["Content"])
        number = 1 + sum(
            one["LayerName"] == given["LayerName"] for one in self._state.of("layer").values()
        )
        self._state.of("layer")[f"{given['LayerName']}:{number}"] = {
            **given,
            "LayerVersion": number,
        }
        return {"LayerVersion": number}

    def GetLayerVersion(self, given: dict[str, Any]) -> dict[str, Any]:
        found = self._state.of("layer")[f"{given['LayerName']}:{given['LayerVersion']}"]
        return {**found, "Status": "Active"}

    def ListLayerVersions(self, given: dict[str, Any]) -> dict[str, Any]:
        found = [
            o for o in self._state.of("layer").values() if o["LayerName"] == given["LayerName"]
        ]
        return {"LayerVersions": found, "TotalCount": len(found)}

    def DeleteLayerVersion(self, given: dict[str, Any]) -> dict[str, Any]:
        self._state.of("layer").pop(f"{given['LayerName']}:{given['LayerVersion']}")
        return {}
