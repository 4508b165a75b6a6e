# ruff: noqa: N802  # methods are named as the actions of the API are
"""Serverless databases: TDSQL-C for MySQL, whose API is cynosdb."""

from __future__ import annotations

from typing import Any

from tests.deploy.tencent.models import Refused
from tests.deploy.tencent.state import State

READY_AFTER = 2
"""How often a new cluster is looked at until it runs."""


class CynosDB:
    def __init__(self, state: State) -> None:
        self._state = state

    def DescribeZones(self, _: dict[str, Any]) -> dict[str, Any]:
        regions = [
            {
                "Region": region,
                "DbType": "MYSQL",
                "ZoneSet": [
                    {"Zone": f"{region}-1", "IsSupportServerless": 0, "IsSupportCreateCluster": 1},
                    *(
                        {"Zone": zone, "IsSupportServerless": 1, "IsSupportCreateCluster": 1}
                        for zone in zones
                    ),
                ],
            }
            for region, zones in self._state.serverless.items()
        ]
        return {"RegionSet": regions}

    def DescribeServerlessInstanceSpecs(self, given: dict[str, Any]) -> dict[str, Any]:
        assert any(given["Zone"] in zones for zones in self._state.serverless.values())
        sizes = ((1, 2, True), (0.25, 0.5, True), (0.25, 0.25, False), (4, 8, True))
        return {"Specs": [{"MinCpu": a, "MaxCpu": b, "HasStock": c} for a, b, c in sizes]}

    def CreateClusters(self, given: dict[str, Any]) -> dict[str, Any]:
        assert given["SubnetId"] in self._state.of("subnet")
        assert given["VpcId"] in self._state.of("vpc")
        assert set(given["SecurityGroupIds"]) <= set(self._state.of("security group"))
        clusters = self._state.of("cluster")
        name = f"cynosdbmysql-{len(clusters) + 1}"
        clusters[name] = {
            "ClusterId": name,
            "ClusterName": given["ClusterName"],
            "Status": "creating",
            "Vip": "",
            "Vport": 0,
            "looked": 0,
            "given": {key: value for key, value in given.items() if key != "AdminPassword"},
            "databases": [],
            "accounts": {},
        }
        return {"DealNames": ["deal-1"], "TranId": "t-1"}

    def DescribeClusters(self, given: dict[str, Any]) -> dict[str, Any]:
        found = list(self._state.of("cluster").values())
        for one in found:
            if one["Status"] == "creating":
                one["looked"] += 1
                if one["looked"] > READY_AFTER:
                    server = self._state.mysql
                    vip, port = ("127.0.0.1", server.port) if server else ("10.7.0.9", 3306)
                    one.update(Status="running", Vip=vip, Vport=port, ServerlessStatus="resume")
            elif one.pop("waking", False):
                one["ServerlessStatus"] = "resume"
        page = found[given["Offset"] : given["Offset"] + given["Limit"]]
        return {"ClusterSet": page, "TotalCount": len(found)}

    def ResumeServerless(self, given: dict[str, Any]) -> dict[str, Any]:
        self._state.of("cluster")[given["ClusterId"]]["waking"] = True
        return {"FlowId": 1}

    def _sql(self, statement: str) -> None:
        if self._state.mysql:
            self._state.mysql.sql(statement)

    def _running(self, given: dict[str, Any]) -> dict[str, Any]:
        found = self._state.of("cluster")[given["ClusterId"]]
        if found["Status"] != "running" or found["ServerlessStatus"] == "pause":
            raise Refused("OperationDenied.ServerlessClusterStatusDenied", "it does not run")
        return found

    def DescribeClusterDatabases(self, given: dict[str, Any]) -> dict[str, Any]:
        found = self._running(given)["databases"]
        return {"Databases": found, "TotalCount": len(found)}

    def CreateClusterDatabase(self, given: dict[str, Any]) -> dict[str, Any]:
        self._running(given)["databases"].append(given["DbName"])
        self._sql(
            f"CREATE DATABASE {given['DbName']} CHARACTER SET {given['CharacterSet']} "
            f"COLLATE {given['CollateRule']}"
        )
        return {}

    def DescribeAccounts(self, given: dict[str, Any]) -> dict[str, Any]:
        accounts = self._running(given)["accounts"]
        shown = ("AccountName", "Host", "Description")
        return {
            "AccountSet": [{name: one[name] for name in shown} for one in accounts.values()],
            "TotalCount": len(accounts),
        }

    def CreateAccounts(self, given: dict[str, Any]) -> dict[str, Any]:
        for one in given["Accounts"]:
            assert one["AccountName"] not in self._running(given)["accounts"]
            self._running(given)["accounts"][one["AccountName"]] = {**one, "privileges": []}
            self._sql(
                f"CREATE USER '{one['AccountName']}'@'{one['Host']}' "
                f"IDENTIFIED BY '{one['AccountPassword']}'"
            )
        return {}

    def ResetAccountPassword(self, given: dict[str, Any]) -> dict[str, Any]:
        account = self._running(given)["accounts"][given["AccountName"]]
        account["AccountPassword"] = given["AccountPassword"]
        return {}

    def ModifyAccountDescription(self, given: dict[str, Any]) -> dict[str, Any]:
        account = self._running(given)["accounts"][given["AccountName"]]
        account["Description"] = given["Description"]
        return {}

    def DescribeAccountAllGrantPrivileges(self, given: dict[str, Any]) -> dict[str, Any]:
        account = self._running(given)["accounts"][given["Account"]["AccountName"]]
        return {"DatabasePrivileges": account["privileges"], "GlobalPrivileges": []}

    def ModifyAccountPrivileges(self, given: dict[str, Any]) -> dict[str, Any]:
        account = self._running(given)["accounts"][given["Account"]["AccountName"]]
        assert {one["Db"] for one in given["DatabasePrivileges"]} <= set(
            self._running(given)["databases"]
        )
        account["privileges"] = given["DatabasePrivileges"]
        for one in given["DatabasePrivileges"]:
            who = f"'{given['Account']['AccountName']}'@'{given['Account']['Host']}'"
            self._sql(f"GRANT {', '.join(one['Privileges'])} ON {one['Db']}.* TO {who}")
        return {}
