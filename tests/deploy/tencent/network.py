# ruff: noqa: N802  # methods are named as the actions of the API are
"""Private networks: VPC."""

from __future__ import annotations

from typing import Any

from tests.deploy.tencent.state import State

_FILTERS = {
    "vpc-name": "VpcName",
    "subnet-name": "SubnetName",
    "vpc-id": "VpcId",
    "security-group-name": "SecurityGroupName",
}


class VPC:
    def __init__(self, state: State) -> None:
        self._state = state

    def _find(self, kind: str, given: dict[str, Any]) -> list[dict[str, Any]]:
        """Names match in part, as the cloud's do."""
        return [
            one
            for one in self._state.of(kind).values()
            if all(
                any(value in one[_FILTERS[asked["Name"]]] for value in asked["Values"])
                for asked in given["Filters"]
            )
        ]

    def DescribeVpcs(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"VpcSet": self._find("vpc", given)}

    def DescribeSubnets(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"SubnetSet": self._find("subnet", given)}

    def DescribeSecurityGroups(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"SecurityGroupSet": self._find("security group", given)}

    def CreateVpc(self, given: dict[str, Any]) -> dict[str, Any]:
        made = {**given, "VpcId": f"vpc-{len(self._state.of('vpc')) + 1}"}
        self._state.of("vpc")[made["VpcId"]] = made
        return {"Vpc": made}

    def CreateSubnet(self, given: dict[str, Any]) -> dict[str, Any]:
        assert given["VpcId"] in self._state.of("vpc")
        assert given["Zone"].startswith(self._state.region)
        made = {**given, "SubnetId": f"subnet-{len(self._state.of('subnet')) + 1}"}
        self._state.of("subnet")[made["SubnetId"]] = made
        return {"Subnet": made}

    def CreateSecurityGroupWithPolicies(self, given: dict[str, Any]) -> dict[str, Any]:
        made = {
            "SecurityGroupName": given["GroupName"],
            "SecurityGroupId": f"sg-{len(self._state.of('security group')) + 1}",
            "policies": given["SecurityGroupPolicySet"],
        }
        self._state.of("security group")[made["SecurityGroupId"]] = made
        return {"SecurityGroup": made}
