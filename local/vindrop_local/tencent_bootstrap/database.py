"""The smallest database that needs no server of yours: TDSQL-C for MySQL, serverless, in a VPC of its own.

It holds ledger, readings and dead letters. It is reached from the functions' VPC only, is billed by
what it uses, and pauses ten minutes after the last query: the sweep's keep it awake, so it costs its
smallest size for as long as the functions are deployed (docs/cost.md).
"""

from __future__ import annotations

import hashlib
import secrets
import string
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote

from vindrop_local.errors import UserError
from vindrop_local.tencent_bootstrap import Step
from vindrop_local.tencent_bootstrap.cloud import Cloud
from vindrop_local.tencent_bootstrap.env_file import EnvFile
from vindrop_local.tencent_bootstrap.network import PORT, Network

DATABASE: Final = "vindrop"
USER: Final = "vindrop"
HOST: Final = "%"
"""Any host: the security group lets only the VPC's through."""
PASSWORD: Final = "LEDGER_PASSWORD"  # noqa: S105  # the name of a line in .env
URLS: Final = ("VINDROP_LEDGER", "VINDROP_RESULTS", "VINDROP_DEAD_LETTERS")
PRIVILEGES: Final = ["ALTER", "CREATE", "DELETE", "INDEX", "INSERT", "SELECT", "UPDATE"]
"""What ledger and destinations need; tables are never dropped."""
_GONE: Final = frozenset(("deleting", "deleted", "offlining", "offlined"))
_POLL: Final = 5.0
_WAIT: Final = 1800.0
"""Seconds until a cluster that is being made is given up; it is made all the same."""


def steps(
    cloud: Cloud, name: str, file: EnvFile, sleep: Callable[[float], None] = time.sleep
) -> list[Step]:
    """Return network, cluster, account and database, and their lines in ``file``."""
    made = _Database(cloud, name, file, sleep)
    return [
        *made.network.steps(),
        Step("database: password", f"in {file.path}", made.password_missing, made.make_password),
        Step("database: cluster", made.name, made.cluster_missing, made.make_cluster),
        Step("database: awake", made.name, made.paused, made.wake),
        Step("database: database", DATABASE, made.database_missing, made.make_database),
        Step("database: account", USER, made.account_missing, made.make_account),
        Step("database: rights", USER, made.rights_missing, made.grant),
        Step("database: addresses", f"in {file.path}", made.lines_missing, made.write_lines),
    ]


class _Database:
    def __init__(
        self, cloud: Cloud, name: str, file: EnvFile, sleep: Callable[[float], None]
    ) -> None:
        self._cloud, self._file, self._sleep = cloud, file, sleep
        self.name = f"{name}-ledger"
        self.network = Network(cloud, self.name)
        self._size: dict[str, Any] = {}
        self._cluster: dict[str, Any] = {}

    def password_missing(self) -> str:
        return "" if self._file.get(PASSWORD) else "made here, before anything is opened with it"

    def make_password(self) -> None:
        self._file.put({PASSWORD: password()})

    def cluster_missing(self) -> str:
        self._cluster = self._find() or {}
        state = self._cluster.get("Status")
        if state in {"isolating", "isolated"}:
            raise UserError(
                f"the cluster {self.name} is isolated (arrears, or it was returned): restore it or "
                "delete it for good in TDSQL-C's console, then run this again"
            )
        if self._cluster and state == "running":
            return ""
        if self._cluster:
            return f"it is being made ({state})"
        smallest = self._smallest()
        return (
            f"TDSQL-C for MySQL 8.0, serverless, {smallest['MinCpu']:g} to {smallest['MaxCpu']:g} CCU, "
            "paused after ten minutes without a query"
        )

    def make_cluster(self) -> None:
        if not self._cluster:
            smallest = self._smallest()
            self._cloud.call(
                "cynosdb",
                "CreateClusters",
                Zone=self.network.zone,
                VpcId=self.network.vpc,
                SubnetId=self.network.subnet,
                DbType="MYSQL",
                DbVersion="8.0",
                DbMode="SERVERLESS",
                MinCpu=float(smallest["MinCpu"]),
                MaxCpu=float(smallest["MaxCpu"]),
                AutoPause="yes",
                AutoPauseDelay=600,
                StoragePayMode=0,
                PayMode=0,
                InstanceCount=1,
                ClusterName=self.name,
                # root's: kept nowhere, reset in the console by whoever needs it
                AdminPassword=password(),
                Port=PORT,
                SecurityGroupIds=[self.network.group],
                ClusterParams=[{"ParamName": "character_set_server", "CurrentValue": "utf8mb4"}],
            )
        waited = 0.0
        while (self._cluster.get("Status")) != "running":
            if waited >= _WAIT:
                raise UserError(
                    f"the cluster {self.name} is not ready after {_WAIT / 60:.0f} minutes: look at it in "
                    "TDSQL-C's console; this goes on from there when it is run again"
                )
            self._sleep(_POLL)
            waited += _POLL
            self._cluster = self._find() or {}

    def paused(self) -> str:
        return "it is paused: nothing of it can be listed" if self._asleep else ""

    def wake(self) -> None:
        self._cloud.call("cynosdb", "ResumeServerless", ClusterId=self._id)
        waited = 0.0
        while self._asleep and waited < _WAIT:
            self._sleep(_POLL)
            waited += _POLL
            self._cluster = self._find() or {}

    def database_missing(self) -> str:
        if not self._listable:
            return "utf8mb4"
        found = self._cloud.pages(
            "cynosdb", "DescribeClusterDatabases", "Databases", ClusterId=self._id
        )
        return "" if DATABASE in list(found) else "utf8mb4"

    def make_database(self) -> None:
        self._cloud.call(
            "cynosdb",
            "CreateClusterDatabase",
            ClusterId=self._id,
            DbName=DATABASE,
            CharacterSet="utf8mb4",
            CollateRule="utf8mb4_bin",
        )

    def account_missing(self) -> str:
        found = self._account() if self._listable else None
        if found is None:
            return f"{USER}@{HOST}, with the password of {self._file.path}"
        if found.get("Description") == self._mark:
            return ""
        return (
            f"its password is another than the one of {self._file.path}: it is set anew, and what is "
            "deployed needs `osls deploy` once more"
        )

    def make_account(self) -> None:
        account, given = {"AccountName": USER, "Host": HOST}, self._file.get(PASSWORD)
        if self._account() is None:
            more = {"AccountPassword": given, "Description": self._mark, "MaxUserConnections": 100}
            self._cloud.call(
                "cynosdb", "CreateAccounts", ClusterId=self._id, Accounts=[{**account, **more}]
            )
            return
        call = self._cloud.call
        call(
            "cynosdb", "ResetAccountPassword", ClusterId=self._id, AccountPassword=given, **account
        )
        # last: cut off before it, the next run sets the password once more
        call(
            "cynosdb",
            "ModifyAccountDescription",
            ClusterId=self._id,
            Description=self._mark,
            **account,
        )

    @property
    def _mark(self) -> str:
        """Return which password the account has; of 32 random characters a hash tells nothing."""
        return f"vindrop {hashlib.sha256(self._file.get(PASSWORD).encode()).hexdigest()[:12]}"

    def rights_missing(self) -> str:
        wanted = f"{', '.join(PRIVILEGES)} on {DATABASE}"
        if not self._listable or self._account() is None:
            return wanted
        found = self._cloud.call(
            "cynosdb",
            "DescribeAccountAllGrantPrivileges",
            ClusterId=self._id,
            Account={"AccountName": USER, "Host": HOST},
        )
        held = {
            right.upper()
            for one in found.get("DatabasePrivileges") or []
            if one["Db"] == DATABASE
            for right in one["Privileges"]
        }
        return "" if held.issuperset(PRIVILEGES) else wanted

    def grant(self) -> None:
        self._cloud.call(
            "cynosdb",
            "ModifyAccountPrivileges",
            ClusterId=self._id,
            Account={"AccountName": USER, "Host": HOST},
            GlobalPrivileges=[],
            DatabasePrivileges=[{"Db": DATABASE, "Privileges": PRIVILEGES}],
            TablePrivileges=[],
        )

    def lines_missing(self) -> str:
        if not self._cluster.get("Vip"):
            return f"{', '.join(URLS)}, VPC_ID, SUBNET_ID"
        return ", ".join(self._file.missing(self._lines()))

    def write_lines(self) -> None:
        self._file.put(self._lines())

    def _lines(self) -> dict[str, str]:
        """Return the database's lines; where you named destinations of your own, they stay."""
        secret = quote(self._file.get(PASSWORD), safe="")
        host = f"{self._cluster.get('Vip', '')}:{self._cluster.get('Vport', PORT)}"
        url = f"mysql://{USER}:{secret}@{host}/{DATABASE}"
        before = self._file.get(URLS[0])
        own = {name: self._file.get(name) for name in URLS[1:]}
        kept = {name: value for name, value in own.items() if value not in {"", before}}
        return {
            URLS[0]: url,
            **{name: kept.get(name, url) for name in URLS[1:]},
            "VPC_ID": self.network.vpc,
            "SUBNET_ID": self.network.subnet,
        }

    @property
    def _id(self) -> str:
        return str(self._cluster["ClusterId"])

    @property
    def _asleep(self) -> bool:
        return bool(self._cluster.get("ServerlessStatus") == "pause")

    @property
    def _listable(self) -> bool:
        return self._cluster.get("Status") == "running" and not self._asleep

    def _account(self) -> dict[str, Any] | None:
        found = self._cloud.pages(
            "cynosdb", "DescribeAccounts", "AccountSet", ClusterId=self._id, AccountNames=[USER]
        )
        return next(
            (one for one in found if (one["AccountName"], one["Host"]) == (USER, HOST)), None
        )

    def _find(self) -> dict[str, Any] | None:
        found = self._cloud.pages("cynosdb", "DescribeClusters", "ClusterSet", DbType="MYSQL")
        own = (one for one in found if one["ClusterName"] == self.name)
        return next((one for one in own if one["Status"] not in _GONE), None)

    def _smallest(self) -> dict[str, Any]:
        if not self._size:
            found = self._cloud.call(
                "cynosdb", "DescribeServerlessInstanceSpecs", Zone=self.network.zone
            )
            specs = [one for one in found.get("Specs") or [] if one.get("HasStock", True)]
            if not specs:
                raise UserError(
                    f"no serverless database is to be had in {self.network.zone} just now: try later, or "
                    "another region with --region"
                )
            self._size = min(specs, key=lambda one: (one["MinCpu"], one["MaxCpu"]))
        return self._size


def password() -> str:
    """Return 32 letters and digits, of each kind that TDSQL-C asks for."""
    letters = string.ascii_letters + string.digits
    while True:
        found = "".join(secrets.choice(letters) for _ in range(32))
        kinds = (str.islower, str.isupper, str.isdigit)
        if all(any(kind(each) for each in found) for kind in kinds):
            return found
