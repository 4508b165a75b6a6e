"""docs/deploy-tencent.md on the loopback Tencent Cloud: its commands one after the other."""

from __future__ import annotations

import contextlib
import json
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

from tests import secrets
from tests.deploy import installed
from tests.deploy.page import Shell, commands
from tests.deploy.person import Person
from tests.deploy.rehearsal import photos
from tests.deploy.rehearsal.narrator import Line, Narrator, Words
from tests.deploy.tencent.cloud import TencentCloud
from tests.deploy.tencent.deployed import BUCKET, Deployed, answered, standing, tencent_shell
from tests.runtimes import tools
from tests.runtimes.tools import Runtimes
from vindrop_local import env_lines

PAGE = "deploy-tencent.md"
REVIEWER = f"{secrets.API_KEY}-reviewer"
STORES = ("VINDROP_RESULTS", "VINDROP_DEAD_LETTERS", "VINDROP_LEDGER")


class Stage:
    """A loopback Tencent Cloud, and the functions that stand on it once they are deployed."""

    def __init__(self, cloud: TencentCloud, runtimes: Runtimes, folder: Path, store: str) -> None:
        self.cloud, self._runtimes, self._folder, self.store = cloud, runtimes, folder, store
        self.open = contextlib.ExitStack()

    def functions(self) -> Deployed:
        """Return them, with the database of this machine where the deployed one is out of reach."""
        more = dict.fromkeys(STORES, self.store) if self.store else {}
        return self.open.enter_context(
            standing(self.cloud, self._runtimes, self._folder / "run", more)
        )


@contextlib.contextmanager
def stage(folder: Path) -> Iterator[tuple[Stage, Shell]]:
    """An empty account with a VinOCR and, where MariaDB is there, a server for its databases."""
    installed.node_modules()
    runtimes = tools.fetch()
    with contextlib.ExitStack() as stack:
        clone = stack.enter_context(installed.cloned(folder))
        vinocr = stack.enter_context(installed.vinocr_of_accounts(folder))
        cloud = TencentCloud(installed.tencent_models(), secrets.TENCENT_ID, secrets.TENCENT_KEY)
        stack.callback(cloud.close)
        store = f"sqlite:///{folder}/vindrop.db"
        if shutil.which("mariadbd"):
            from tests.stores.servers import MariaDBServer

            cloud.mysql = MariaDBServer()
            stack.callback(cloud.mysql.close)
            store = ""
        found = Stage(cloud, runtimes, folder, store)
        stack.enter_context(found.open)
        yield found, tencent_shell(clone, cloud, vinocr.endpoint)


class Rehearsal:
    """One run of the page."""

    def __init__(self, stands: Stage, narrator: Narrator, photo: Path | None) -> None:
        self.stands, self.say, self.photo = stands, narrator, photo
        self.clone = narrator.shell.folder
        self.functions: Deployed
        self.is_read = True

    def __call__(self) -> None:
        """Go through the page, to the last line."""
        self.say.page(commands(PAGE), self.lines())
        self.say.closing(REAL, LEFT_OUT)

    def lines(self) -> dict[str, Line]:
        bootstrap = ".venv/bin/vindrop bootstrap tencent --region ap-guangzhou"
        return {
            "git clone": Line(photos.CLONED, self.say.tell_command),
            "make setup": Line(photos.SET_UP, self.say.tell_command),
            "export TENCENT_SECRET_ID": Line(KEYS, self.keys),
            bootstrap: Line(LOOKS),
            f"{bootstrap} --yes": Line(MAKES, self.make),
            "unset": Line(FORGETS),
            "npx osls deploy": Line(DEPLOYS, self.deploy),
            "set -a": Line(SOURCED),
            "pip install coscmd": Line(COSCMD, self.configure),
            "coscmd upload": Line(UPLOADS, self.upload),
            ".venv/bin/vindrop readings": Line(READ, self.read),
            "npx osls info": Line(INFO),
            "npx osls settings": Line(photos.SETTINGS),
            ".venv/bin/vindrop doctor": Line(photos.DOCTOR, self.doctor),
            "npx osls remove": Line(REMOVES, self.remove),
        }

    def keys(self, line: str) -> None:
        self.say.tell_command(line)
        self.say.shell(
            f"export TENCENT_SECRET_ID={secrets.TENCENT_ID} TENCENT_SECRET_KEY={secrets.TENCENT_KEY}"
        )

    def make(self, line: str) -> None:
        self.say.runs(line)
        people = f"VINDROP_API_KEYS='{secrets.API_KEY} lee:review:{REVIEWER}'"
        with (self.clone / ".env").open("a") as lines:
            lines.write(f"{people}\n")
        self.say.note(PEOPLE)

    def deploy(self, line: str) -> None:
        self.say.runs(line)
        if self.stands.cloud.refusals:
            raise LookupError("; ".join(self.stands.cloud.refusals))
        self.functions = self.stands.functions()

    def configure(self, line: str) -> None:
        self.say.runs(f"{line} --do-not-use-ssl")

    def upload(self, line: str) -> None:
        if self.photo is None:
            self.put(line, "in/label-01.jpg")
            return
        key = f"in/{self.photo.name}"
        self.is_read = self.put(
            f"coscmd upload {shlex.quote(str(self.photo))} {shlex.quote(key)}", key
        )

    def put(self, line: str, key: str) -> bool:
        """Run the line that uploads ``key``; return whether the function's answer is a reading."""
        self.say.runs(line, http_proxy=self.stands.cloud.url)
        self.say.note(WAITS)
        answer = json.loads(self.functions.put(key))
        self.say.shows(json.dumps(answer["value"], ensure_ascii=False))
        return "reading" in answer["value"].get("ended", answer["value"])

    def from_(self, name: str) -> str:
        return shlex.quote(self.stands.store) if self.stands.store else f'"${name}"'

    def read(self, line: str) -> None:
        if self.stands.store:
            self.say.note(NO_SERVER)
        listed = line.replace('"$VINDROP_RESULTS"', self.from_("VINDROP_RESULTS"))
        self.say.runs(listed)
        if not self.is_read:
            self.say.note(photos.NOT_READ)
        self.say.step(photos.UNREAD)
        far, _ = photos.too_far(self.clone)
        self.put(f"coscmd upload {far} in/{far.name}", f"in/{far.name}")
        ledger, letters = self.from_("VINDROP_LEDGER"), self.from_("VINDROP_DEAD_LETTERS")
        self.say.runs(f".venv/bin/vindrop dead-letters --from {letters} --ledger {ledger}")
        self.say.step(photos.CORRECTS)
        at_scf = self.functions.start("http")
        try:
            person = Person(lambda event: answered(at_scf, event), "tencent_url")
            photos.correct(self.say, person, REVIEWER)
        finally:
            at_scf.close()
        self.say.runs(listed)

    def doctor(self, line: str) -> None:
        if self.stands.store:  # the database of the file is nowhere
            path = self.clone / "my-settings.env"
            kept = [one for one in path.read_text().splitlines() if not one.startswith(STORES)]
            kept += [f"{name}={env_lines.quoted(self.stands.store)}" for name in STORES]
            path.write_text("".join(f"{one}\n" for one in kept))
            self.say.note(NO_SERVER)
        self.say.runs(line)

    def remove(self, line: str) -> None:
        self.say.runs(line)
        kept = {kind for kind, found in self.stands.cloud.kept.items() if found}
        left = sorted(kept & {"function", "trigger", "layer", "alarm", "topic"})
        self.say.note(
            Words(
                f"Left of the functions: {json.dumps(left)}. Your bucket ({BUCKET}), the database and the "
                "deploying sub-account stay.",
                f"函数剩下的资源：{json.dumps(left)}。您的存储桶（{BUCKET}）、数据库和用于部署的子账号保留。",
            )
        )


KEYS = Words(
    "The keys of the account, for bootstrap alone. Here: made-up ones, which the loopback cloud knows.",
    "主账号的密钥，只给 bootstrap 用。这里：虚构的密钥，本机模拟的云认识它们。",
)
LOOKS = Words(
    "What the empty account lacks is shown, and nothing is made.",
    "显示空账号缺少什么，不创建任何东西。",
)
MAKES = Words(
    "It is made: bucket, sub-account with its policy, network, database; .env is filled in.",
    "创建：存储桶、子账号及其策略、网络、数据库；填写 .env。",
)
PEOPLE = Words(
    "Added to .env, as for any deployment with a console: VINDROP_API_KEYS='lee:review:KEY', "
    "KEY as from openssl rand -hex 24.",
    "在 .env 中加上 VINDROP_API_KEYS='lee:review:KEY'，KEY 用 openssl rand -hex 24 生成；"
    "凡是要用控制台的部署都要这样做。",
)
FORGETS = Words(
    "The account's keys are forgotten; from here on the sub-account's of .env count.",
    "忘掉主账号的密钥；此后使用 .env 中子账号的密钥。",
)
DEPLOYS = Words(
    "osls builds the layers from their lock, uploads them, and makes roles, logs, functions, triggers and "
    "alarms. The loopback checks each signature, each field by the official SDK's models, and each right of "
    "the sub-account.",
    "osls 按锁定文件构建层并上传，然后创建角色、日志、函数、触发器和告警。本机模拟的云会检查每个签名、按官方 SDK "
    "的模型检查每个字段，并检查子账号的每项权限。",
)
SOURCED = Words("The shell takes the settings of .env.", "shell 读取 .env 中的设置。")
COSCMD = Words(
    "COS's own command line is told the bucket. Here: it is installed already, and goes to the loopback "
    "without TLS.",
    "把存储桶告诉 COS 自己的命令行工具。这里：它已安装，并且不用 TLS 访问本机。",
)
UPLOADS = Words("A photo goes into the bucket.", "把一张照片放进存储桶。")
WAITS = Words(
    "The bucket's trigger calls the function: the deployed zips, read-only, under SCF's own bootstrap. It "
    "reads the photo by our own VinOCR on this machine. Its answer:",
    "存储桶的触发器调用函数：已部署的 zip 以只读方式在 SCF 自身的引导程序下运行，用本机的自建 VinOCR 识别照片。"
    "它的响应：",
)
READ = Words("A reading is a row of the database.", "识别结果是数据库中的一行。")
NO_SERVER = Words(
    "MariaDB is not installed here (apt-get install mariadb-server): the functions were given a SQLite file "
    "in place of the database that bootstrap made.",
    "本机没有安装 MariaDB（apt-get install mariadb-server）：函数用一个 SQLite 文件代替 bootstrap 创建的数据库。",
)
INFO = Words("What stands, and its addresses.", "已部署的内容及其地址。")
REMOVES = Words("Everything that osls made is taken away.", "删除 osls 创建的全部资源。")
REAL = Words(
    "What an account of Tencent Cloud does in addition, and nothing here showed:",
    "真实的腾讯云账号还会做、而这里没有展示的：",
)
LEFT_OUT = [
    Words(
        "Making the database takes 5 to 10 minutes, and only machines in its VPC reach it.",
        "创建数据库需要 5 到 10 分钟，并且只有其 VPC 内的机器能访问它。",
    ),
    Words(
        "CAM: whether each role of the functions may do what it does. Only the deploying sub-account's rights "
        "are checked here.",
        "CAM：函数的各个角色是否有权做它们所做的事。这里只检查用于部署的子账号的权限。",
    ),
    Words(
        "SCF: the trigger's filter, redelivery of events, reserved concurrency, time limits, the public "
        "function URL, warm instances, and the timer that calls the sweep every minute.",
        "SCF：触发器的过滤、事件的再次投递、预留并发、时限、公开的函数 URL、热实例，以及每分钟调用 sweep 的定时触发器。",
    ),
    Words(
        "CLS: log lines, alarms that ring, the dashboard in Grafana.",
        "CLS：日志行、会响起的告警、Grafana 中的仪表盘。",
    ),
    Words(
        "VinOCR: Tencent's reads for a price per call. Here our own read, free of charge.",
        "VinOCR：腾讯云的按次收费。这里由自建的识别，不收费。",
    ),
    Words("A bill: docs/cost.md reckons it.", "账单：docs/cost.md 有估算。"),
]
