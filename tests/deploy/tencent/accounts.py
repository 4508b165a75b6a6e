# ruff: noqa: N802  # methods are named as the actions of the API are
"""Who is who: STS, and roles with their policies in CAM."""

from __future__ import annotations

import json
from typing import Any

from tests.deploy.tencent.models import Refused
from tests.deploy.tencent.state import APPID, UIN, State
from tests.secrets import MARK

PRESET = ("QcloudAccessForScfRole",)
"""Policies that are there in every account."""


class STS:
    def GetCallerIdentity(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"AccountId": UIN, "UserId": "100000000002", "Type": "CAMUser"}


class CAM:
    def __init__(self, state: State) -> None:
        self._state = state

    def GetUserAppId(self, _: dict[str, Any]) -> dict[str, Any]:
        return {"Uin": UIN, "OwnerUin": UIN, "AppId": int(APPID)}

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
        self._state.of("attached role policy").pop(given["RoleName"], None)
        return {}

    def ListPolicies(self, given: dict[str, Any]) -> dict[str, Any]:
        found = [p for n, p in self._state.of("policy").items() if given["Keyword"] in n]
        return {"List": found, "TotalNum": len(found)}

    def CreatePolicy(self, given: dict[str, Any]) -> dict[str, Any]:
        number = 1000 + len(self._state.calls)
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
        assert given["PolicyName"] in {*self._state.of("policy"), *PRESET}
        held = self._state.of("attached role policy").setdefault(given["AttachRoleName"], {})
        held[given["PolicyName"]] = True
        return {}

    def ListAttachedRolePolicies(self, given: dict[str, Any]) -> dict[str, Any]:
        held = self._state.of("attached role policy").get(given["RoleName"], {})
        return {"List": [{"PolicyName": name} for name in held], "TotalNum": len(held)}

    def GetPolicy(self, given: dict[str, Any]) -> dict[str, Any]:
        (found,) = (
            p for p in self._state.of("policy").values() if p["PolicyId"] == given["PolicyId"]
        )
        return {"PolicyName": found["PolicyName"], "PolicyDocument": found["PolicyDocument"]}

    def GetUser(self, given: dict[str, Any]) -> dict[str, Any]:
        found = self._state.of("user").get(given["Name"])
        if found is None:
            raise Refused("ResourceNotFound.UserNotExist", "no such user")
        return {"Uin": found["Uin"], "Name": given["Name"]}

    def AddUser(self, given: dict[str, Any]) -> dict[str, Any]:
        assert given["Name"] not in self._state.of("user")
        uin = 100000000100 + len(self._state.of("user"))
        self._state.of("user")[given["Name"]] = {**given, "Uin": uin}
        return {"Uin": uin, "Name": given["Name"]}

    def AttachUserPolicy(self, given: dict[str, Any]) -> dict[str, Any]:
        assert given["PolicyId"] in {p["PolicyId"] for p in self._state.of("policy").values()}
        held = self._state.of("attached user policy").setdefault(str(given["AttachUin"]), {})
        held[given["PolicyId"]] = True
        return {}

    def ListAttachedUserPolicies(self, given: dict[str, Any]) -> dict[str, Any]:
        held = self._state.of("attached user policy").get(str(given["TargetUin"]), {})
        names = {p["PolicyId"]: n for n, p in self._state.of("policy").items()}
        return {"List": [{"PolicyId": each, "PolicyName": names[each]} for each in held]}

    def ListAccessKeys(self, given: dict[str, Any]) -> dict[str, Any]:
        own = [name for name, (_, uin) in self._state.keys.items() if uin == given["TargetUin"]]
        return {"AccessKeys": [{"AccessKeyId": name, "Status": "Active"} for name in own]}

    def CreateAccessKey(self, given: dict[str, Any]) -> dict[str, Any]:
        if len(self.ListAccessKeys(given)["AccessKeys"]) > 1:
            raise Refused("OperationDenied.AccessKeyOverLimit", "two keys are there")
        number = len(self._state.keys)
        name, key = f"AKID{MARK}sub{number:026}", f"{MARK}subKey{number:019}"
        self._state.keys[name] = (key, given["TargetUin"])
        return {"AccessKey": {"AccessKeyId": name, "SecretAccessKey": key, "Status": "Active"}}

    def DetachRolePolicy(self, _: dict[str, Any]) -> dict[str, Any]:
        return {}

    def DeletePolicy(self, given: dict[str, Any]) -> dict[str, Any]:
        for number in given["PolicyId"]:
            (name,) = (n for n, p in self._state.of("policy").items() if p["PolicyId"] == number)
            self._state.of("policy").pop(name)
        return {}
