"""A private network for functions and database: VPC, subnet, security group."""

from __future__ import annotations

from typing import Any, Final

from vindrop_local.errors import UserError
from vindrop_local.tencent_bootstrap import Step
from vindrop_local.tencent_bootstrap.cloud import Cloud

CIDR: Final = "10.7.0.0/16"
SUBNET: Final = "10.7.0.0/24"
PORT: Final = 3306


class Network:
    """What is there of it, filled in as its steps are looked at and made."""

    def __init__(self, cloud: Cloud, name: str) -> None:
        """Know nothing yet."""
        self._cloud, self.name = cloud, name
        self.zone = self.vpc = self.subnet = self.group = ""

    def steps(self) -> list[Step]:
        """Return the three parts, in order."""
        return [
            Step("network: VPC", self.name, self._vpc_missing, self._make_vpc),
            Step("network: subnet", self.name, self._subnet_missing, self._make_subnet),
            Step("network: security group", self.name, self._group_missing, self._make_group),
        ]

    def _vpc_missing(self) -> str:
        found = self._named("DescribeVpcs", "VpcSet", "VpcName", "vpc-name")
        self.vpc = found["VpcId"] if found else ""
        return "" if found else f"a private network, {CIDR}"

    def _make_vpc(self) -> None:
        made = self._cloud.call("vpc", "CreateVpc", VpcName=self.name, CidrBlock=CIDR)
        self.vpc = made["Vpc"]["VpcId"]

    def _subnet_missing(self) -> str:
        found = None
        if self.vpc:
            found = self._named("DescribeSubnets", "SubnetSet", "SubnetName", "subnet-name")
        if found:
            self.subnet, self.zone = found["SubnetId"], found["Zone"]
            return ""
        self.zone = self.zone or self._serverless_zone()
        return f"{SUBNET}, in the zone {self.zone}"

    def _make_subnet(self) -> None:
        made = self._cloud.call(
            "vpc",
            "CreateSubnet",
            VpcId=self.vpc,
            SubnetName=self.name,
            CidrBlock=SUBNET,
            Zone=self.zone,
        )
        self.subnet = made["Subnet"]["SubnetId"]

    def _group_missing(self) -> str:
        found = self._named(
            "DescribeSecurityGroups", "SecurityGroupSet", "SecurityGroupName", "security-group-name"
        )
        self.group = found["SecurityGroupId"] if found else ""
        return "" if found else f"lets {CIDR} in on port {PORT}, and nobody else"

    def _make_group(self) -> None:
        rule = {"Protocol": "TCP", "Port": str(PORT), "CidrBlock": CIDR, "Action": "ACCEPT"}
        made = self._cloud.call(
            "vpc",
            "CreateSecurityGroupWithPolicies",
            GroupName=self.name,
            GroupDescription="vindrop: its database",
            SecurityGroupPolicySet={"Ingress": [rule], "Egress": []},
        )
        self.group = made["SecurityGroup"]["SecurityGroupId"]

    def _serverless_zone(self) -> str:
        """Return the first zone of the region that makes serverless clusters.

        :raises UserError: there is none, and where there is one.
        """
        found = self._cloud.call("cynosdb", "DescribeZones").get("RegionSet") or []
        zones = {
            one["Region"]: [
                zone["Zone"]
                for zone in one["ZoneSet"]
                if zone["IsSupportServerless"] and zone.get("IsSupportCreateCluster", 1)
            ]
            for one in found
            if one.get("DbType", "MYSQL") == "MYSQL"
        }
        if not zones.get(self._cloud.region):
            others = ", ".join(sorted(region for region, some in zones.items() if some))
            raise UserError(
                f"no zone of {self._cloud.region} makes serverless databases: take --region {others}, or "
                "bring your own database (VINDROP_LEDGER=… in the file, and --no-database)"
            )
        return str(zones[self._cloud.region][0])

    def _named(self, action: str, key: str, name: str, filter_by: str) -> dict[str, Any] | None:
        filters = [{"Name": filter_by, "Values": [self.name]}]
        if action == "DescribeSubnets":
            filters.append({"Name": "vpc-id", "Values": [self.vpc]})
        found = self._cloud.pages("vpc", action, key, text=True, Filters=filters)
        return next((one for one in found if one[name] == self.name), None)
