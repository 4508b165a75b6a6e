"""docs/deploy-aws.md on moto's server: its commands one after the other, and what comes of them."""

from __future__ import annotations

import contextlib
import json
import shlex
from collections.abc import Iterator
from pathlib import Path

from tests import secrets
from tests.deploy import installed
from tests.deploy.aws_cloud import (
    BUCKET,
    NAME,
    REGION,
    REVIEWER,
    Cloud,
    compiled,
    invoked,
    row,
    until,
    wire,
)
from tests.deploy.page import Shell, commands, shell
from tests.deploy.person import Person
from tests.deploy.rehearsal import photos
from tests.deploy.rehearsal.narrator import Line, Narrator, Words

PAGE = "deploy-aws.md"
STORE = f"dynamodb:///{NAME}"
"""Readings, dead letters and ledger, for `vindrop`."""
DOTENV = {
    "CLOUD": "aws",
    "REGION": REGION,
    "BUCKET": BUCKET,
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    **secrets.VINOCR,
    "VINDROP_API_KEYS": f"'{secrets.API_KEY} lee:review:{REVIEWER}'",
}
"""What the page has its reader write."""


@contextlib.contextmanager
def stage(folder: Path) -> Iterator[tuple[Cloud, Shell]]:
    """A fresh loopback AWS with a VinOCR, and a reader's shell in a clone."""
    installed.node_modules()
    runtime = installed.lambda_runtime(folder / "awslambdaric")
    aws = installed.pinned("awscli")
    work = folder / "cloud"
    work.mkdir()
    with (
        installed.cloned(folder) as clone,
        installed.vinocr_of_accounts(folder) as vinocr,
        contextlib.closing(Cloud(work, runtime)) as cloud,
    ):
        loopback = {
            "AWS_ENDPOINT_URL": cloud.url,
            "AWS_REGION": "eu-north-1",  # a reader's own, for other work: the page must not look there
            "VINDROP_STORAGE_ENDPOINT": cloud.url,
            "VINDROP_VINOCR_ENDPOINT": vinocr.endpoint,
            "PYTHON_VERSION": runtime.version,
        }
        yield cloud, shell(clone, loopback, {"aws": ("awscli", aws)})


def fill_in(clone: Path) -> None:
    """Edit `.env` as the page says: fill lines in, and delete the three that AWS has of its own."""
    lines = (clone / ".env").read_text().splitlines()
    own = tuple(f"VINDROP_{name}=" for name in ("RESULTS", "DEAD_LETTERS", "LEDGER"))
    kept = [
        line
        for line in lines
        if not line.startswith(own) and line.lstrip("#").partition("=")[0] not in DOTENV
    ]
    kept += [f"{name}={value}" for name, value in DOTENV.items()]
    (clone / ".env").write_text("".join(f"{line}\n" for line in kept))


class Rehearsal:
    """One run of the page."""

    def __init__(self, cloud: Cloud, narrator: Narrator, photo: Path | None) -> None:
        self.cloud, self.say, self.photo = cloud, narrator, photo
        self.clone = narrator.shell.folder
        self.is_read = True

    def __call__(self) -> None:
        """Go through the page, to the last line."""
        self.say.page(commands(PAGE), self.lines())
        self.say.closing(REAL, LEFT_OUT)

    def lines(self) -> dict[str, Line]:
        return {
            "git clone": Line(photos.CLONED, self.say.tell_command),
            "make setup": Line(photos.SET_UP, self.say.tell_command),
            "cp .env.example .env": Line(FILLED, self.fill_in),
            "set -a": Line(SOURCED),
            "export AWS_REGION": Line(PLACED),
            "aws sts": Line(WHO),
            "npx osls deploy": Line(DEPLOYS, self.deploy),
            "aws s3 cp": Line(UPLOADS, self.upload),
            "aws dynamodb scan": Line(READ, self.read),
            "npx osls info": Line(INFO),
            "npx osls settings": Line(photos.SETTINGS),
            "npx osls remove": Line(REMOVES, self.remove),
            ".venv/bin/vindrop doctor": Line(photos.DOCTOR),
            ".venv/bin/vindrop --env-file": Line(STATS),
        }

    def fill_in(self, line: str) -> None:
        self.say.runs(line)
        fill_in(self.clone)
        self.say.note(FILLED_IN)

    def deploy(self, line: str) -> None:
        self.say.runs(line)
        wire(self.cloud, compiled(self.clone))
        self.say.note(WIRED)

    def upload(self, line: str) -> None:
        if self.photo:
            line = f"aws s3 cp {shlex.quote(str(self.photo))} s3://$BUCKET/in/"
        self.say.runs(line)
        self.is_read = self.wait(f"in/{self.photo.name if self.photo else 'label-01.jpg'}")

    def wait(self, key: str) -> bool:
        """Until the function has answered for ``key``, one way or the other; whether it is a reading."""
        found = [row(self.cloud, table, key) for table in ("readings", "dead_letters")]
        until(lambda: any(look() for look in found), f"an answer for {key}", seconds=120)
        self.say.note(WAITS)
        return bool(found[0]())

    def read(self, line: str) -> None:
        self.say.runs(line)
        self.say.runs(f".venv/bin/vindrop readings --from {STORE}")
        if not self.is_read:
            self.say.note(photos.NOT_READ)
        self.dead_letter()
        self.correct()

    def dead_letter(self) -> None:
        self.say.step(photos.UNREAD)
        far, _ = photos.too_far(self.clone)
        self.say.runs(f"aws s3 cp {far} s3://$BUCKET/in/")
        self.wait(f"in/{far.name}")
        self.say.runs(f".venv/bin/vindrop dead-letters --from {STORE} --ledger {STORE}")

    def correct(self) -> None:
        self.say.step(photos.CORRECTS)
        person = Person(lambda event: invoked(self.cloud, event), "aws_rest")
        photos.correct(self.say, person, REVIEWER)
        self.say.runs(f".venv/bin/vindrop readings --from {STORE}")

    def remove(self, line: str) -> None:
        self.say.runs("aws s3 rm s3://$BUCKET --recursive")
        self.say.runs(line)
        left = [one["Name"] for one in self.cloud.client("s3").list_buckets()["Buckets"]]
        left += self.cloud.client("dynamodb").list_tables()["TableNames"]
        left += [
            one["FunctionName"] for one in self.cloud.client("lambda").list_functions()["Functions"]
        ]
        self.say.note(
            Words(f"Left of it: {json.dumps(left)}.", f"剩下的资源：{json.dumps(left)}。")
        )


FILLED = Words(
    "You say what is deployed, and where: .env is made and filled in.",
    "说明部署什么、部署到哪里：创建并填写 .env。",
)
FILLED_IN = Words(
    f"Filled in: CLOUD=aws, REGION={REGION}, BUCKET={BUCKET}, made-up keys for AWS and VinOCR, and a key "
    "for a person of the console. Deleted: the three addresses that AWS has of its own.",
    f"填写：CLOUD=aws、REGION={REGION}、BUCKET={BUCKET}、为 AWS 和 VinOCR 虚构的密钥，以及控制台人员的密钥。"
    "删去：AWS 自带的三个地址。",
)
SOURCED = Words("The shell takes the settings of .env.", "shell 读取 .env 中的设置。")
PLACED = Words(
    "The aws command is told the region: it does not know the name REGION.",
    "把地域告诉 aws 命令：它不认识 REGION 这个名称。",
)
WHO = Words("Whom the cloud takes you for.", "云把您识别为谁。")
DEPLOYS = Words(
    "osls builds the layers from their lock, packs the functions, and has CloudFormation make everything "
    "(about a minute on two idle cores).",
    "osls 按锁定文件构建层、打包函数，并由 CloudFormation 创建全部资源（两个空闲核心上约一分钟）。",
)
WIRED = Words(
    "The loopback's CloudFormation attaches no layers and no bucket notification: both were set now from "
    "the very template that osls sent.",
    "本机模拟的 CloudFormation 不挂载层，也不设置存储桶通知：现在已按 osls 发送的同一模板设置好。",
)
UPLOADS = Words("A photo goes into the bucket.", "把一张照片放进存储桶。")
WAITS = Words(
    "The bucket told the function, which ran from the deployed zips under Lambda's own runtime client, and "
    "has shown the photo to our own VinOCR on this machine.",
    "存储桶通知了函数；函数由已部署的 zip 在 Lambda 自身的运行时客户端下运行，照片已交给本机的自建 VinOCR。",
)
READ = Words("A reading is a row of DynamoDB.", "识别结果是 DynamoDB 中的一行。")
INFO = Words("What stands, and its addresses.", "已部署的内容及其地址。")
STATS = Words(
    "What was read, what waits, what it costs: every command takes the deployed settings from that file.",
    "识别了什么、什么在等待、花费多少：每个命令都可从该文件读取已部署的设置。",
)
REMOVES = Words(
    "Everything is taken away. A bucket must be empty before.",
    "全部删除。存储桶必须先清空。",
)
REAL = Words(
    "What an account of AWS does in addition, and nothing here showed:",
    "真实的 AWS 账号还会做、而这里没有展示的：",
)
LEFT_OUT = [
    Words(
        "IAM: whether each role may do what its function does. Here everything is allowed.",
        "IAM：各角色是否有权执行其函数所做的事。这里一切都允许。",
    ),
    Words(
        "Lambda: retries of events and the queues behind them, reserved concurrency, time limits, the "
        "public function URL, warm instances. Here each call is a cold start, made once.",
        "Lambda：事件的重试及其后的队列、预留并发、时限、公开的函数 URL、热实例。这里每次调用都是冷启动，只调用一次。",
    ),
    Words(
        "The timer: the sweep retries every minute. Here nobody calls it.",
        "定时器：sweep 每分钟重试一次。这里没有人调用它。",
    ),
    Words(
        "CloudWatch: alarms that ring, the mail that asks you to confirm them, the dashboard.",
        "CloudWatch：会响起的告警、请您确认的邮件、仪表盘。",
    ),
    Words(
        "VinOCR: Tencent's reads for a price per call. Here our own read, free of charge.",
        "VinOCR：腾讯云的按次收费。这里由自建的识别，不收费。",
    ),
    Words("A bill: docs/cost.md reckons it.", "账单：docs/cost.md 有估算。"),
]
