# ruff: noqa: N802  # methods are named as the actions of the API are
"""Who is who: STS, and roles with their policies in CAM."""

from __future__ import annotations

import json
from typing import Any

from tests.deploy.tencent.models import Refused
from tests.deploy.tencent.state import UIN, State


class STS:
    def GetCallerIdentity(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"AccountId": UIN, "UserId": "100000000002", "Type": "CAMUser"}


class CAM:
    def __init__(self, state: State) -> None:
        self._state = state

    def GetRole(self, given: dict[str, Any]) -> dict[str, Any]:
        if given["RoleName"] not in self._state.of("role"):
            raise Refused("InvalidParameter.RoleNotExist", "no such role")
        return {"RoleInfo": {"RoleName": given["RoleName"]}}

    def CreateRole(self, given: dict[str, Any]) -> dict[str, Any]:
        json.loads(given["PolicyDocument"])
        self._state.of("role")[given["RoleName"]] = given
        return {"RoleId": "4611686018427397919"}

    def DeleteRole(self, given: dict[str, Any]) -> dict[str, Any]:
        self._state.of("role").pop(given["RoleName"])
        return {}

    def ListPolicies(self, given: dict[str, Any]) -> dict[str, Any]:
        found = [p for n, p in self._state.of("policy").items() if given["Keyword"] in n]
        return {"List": found, "TotalNum": len(found)}

    def CreatePolicy(self, given: dict[str, Any]) -> dict[str, Any]:
        number = 1000 + len(self._state.of("policy"))
        self._state.of("policy")[given["PolicyName"]] = {**given, "PolicyId": number}
        return {"PolicyId": number}

    def UpdatePolicy(self, given: dict[str, Any]) -> dict[str, Any]:
        (name,) = (
            n for n, p in self._state.of("policy").items() if p["PolicyId"] == given["PolicyId"]
        )
        self._state.of("policy")[name].update(given)
        return {}

    def AttachRolePolicy(self, given: dict[str, Any]) -> dict[str, Any]:
        assert given["AttachRoleName"] in self._state.of("role")
        assert given["PolicyName"] in self._state.of("policy")
        return {}

    def DetachRolePolicy(self, _: dict[str, Any]) -> dict[str, Any]:
        return {}

    def DeletePolicy(self, given: dict[str, Any]) -> dict[str, Any]:
        for number in given["PolicyId"]:
            (name,) = (n for n, p in self._state.of("policy").items() if p["PolicyId"] == number)
            self._state.of("policy").pop(name)
        return {}
