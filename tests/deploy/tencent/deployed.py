"""What stands on the loopback Tencent Cloud after a deployment, run as SCF runs it."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from layers.dependencies.build import build_layer
from layers.dependencies.contents import LAYERS, Target
from tests import secrets
from tests.deploy.installed import pinned
from tests.deploy.page import Shell, shell
from tests.deploy.tencent.cloud import TencentCloud
from tests.deploy.tencent.state import APPID
from tests.runtimes.conftest import SCF
from tests.runtimes.tools import Runtimes
from vindrop_local.bucket import Account, Bucket, BucketServer

BUCKET, REGION, NAME = f"photos-{APPID}", "ap-guangzhou", "vindrop-dev"


def mounted(
    cloud: TencentCloud, folder: Path, part: str = "upload", more: tuple[str, ...] = ()
) -> tuple[Path, Path]:
    """A function's code and its layers, unpacked as SCF does, read-only.

    :param more: layers that another deployment would have.
    """
    function = cloud.kept["function"][f"{NAME}-{part}"]
    user, opt = folder / "user", folder / "opt"
    for name in more:
        built = build_layer(LAYERS[name], Target("scf", "3.10", "x86_64"), folder)
        with zipfile.ZipFile(folder / built["file"]) as archive:
            archive.extractall(opt)
    unpack(cloud, function["Code"], user)
    for layer in function["Layers"]:
        unpack(
            cloud,
            cloud.kept["layer"][f"{layer['LayerName']}:{layer['LayerVersion']}"]["Content"],
            opt,
        )
    for path in [user, opt, *user.rglob("*"), *opt.rglob("*")]:
        path.chmod(path.stat().st_mode & ~0o222)
    return user, opt


def unpack(cloud: TencentCloud, code: dict[str, str], folder: Path) -> None:
    bucket = code["CosBucketName"]
    host = bucket if bucket.endswith(APPID) else f"{bucket}-{APPID}"
    with zipfile.ZipFile(
        io.BytesIO(cloud.objects[host, code["CosObjectName"].lstrip("/")])
    ) as archive:
        archive.extractall(folder)


def event(key: str) -> dict[str, Any]:
    name = BUCKET.removesuffix(f"-{APPID}")
    return {
        "Records": [
            {
                "cos": {
                    "cosObject": {
                        "url": f"http://{BUCKET}.cos.{REGION}.myqcloud.com/{key}",
                        "meta": {"x-cos-request-id": "r-1", "Content-Type": ""},
                        "key": f"/{APPID}/{name}/{key}",
                        "size": 1029,
                    },
                    "cosBucket": {"region": "gz", "name": name, "appid": APPID},
                    "cosNotificationId": "unkown",
                },
                "event": {"eventName": "cos:ObjectCreated:Put", "eventTime": 1_795_000_000},
            }
        ]
    }


def answered(scf: SCF, event: dict[str, Any]) -> dict[str, Any]:
    found = scf.call(event)
    assert found is not None, scf.log.read_text()[-3000:]
    answer: dict[str, Any] = found["value"]
    return answer


class Deployed:
    """The deployed zips under SCF's own bootstrap, with the deployed settings."""

    def __init__(
        self,
        cloud: TencentCloud,
        runtimes: Runtimes,
        folder: Path,
        bucket: BucketServer,
        more: dict[str, str] | None = None,
    ) -> None:
        """Prepare; nothing runs before a call.

        :param folder: where code and layers are unpacked, and below ``bucket`` the objects lie.
        :param more: settings beside the deployed ones: what only the loopback needs.
        """
        self.cloud, self._runtimes, self._folder, self._bucket = cloud, runtimes, folder, bucket
        self._more = more or {}
        self._calls = 0

    def start(self, part: str) -> SCF:
        """Return one cold instance of a function; the caller closes it."""
        self._calls += 1
        user, opt = mounted(self.cloud, self._folder / f"call-{self._calls}", part)
        deployed = self.cloud.kept["function"][f"{NAME}-{part}"]["Environment"]["Variables"]
        settings = {
            **{one["Key"]: one["Value"] for one in deployed},
            "VINDROP_STORAGE_ENDPOINT": self._bucket.url(BUCKET),
            "VINDROP_IMAGE": "bytes",
            **self._more,
        }
        return SCF(dataclasses.replace(self._runtimes, site=opt), user, settings)

    def call(self, part: str, given: dict[str, Any]) -> str:
        """Return what a cold instance answers, as JSON."""
        at_scf = self.start(part)
        try:
            return json.dumps(at_scf.call(given))
        finally:
            at_scf.close()

    def put(self, key: str) -> str:
        """Do as COS does when an object was put: lay it down and call the function with the event."""
        path = self._folder / "bucket" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.cloud.objects[BUCKET, key])
        return self.call("upload", event(key))


@contextlib.contextmanager
def standing(
    cloud: TencentCloud, runtimes: Runtimes, folder: Path, more: dict[str, str] | None = None
) -> Iterator[Deployed]:
    """The functions, and the photos' bucket as COS answers for it."""
    objects = folder / "bucket"
    objects.mkdir(parents=True, exist_ok=True)
    account = Account(secrets.TENCENT_ID, secrets.TENCENT_KEY, secrets.TENCENT_TOKEN)
    place = Bucket(BUCKET, REGION, objects)
    with BucketServer([place], [account], folder / "journal.db", None) as bucket:
        yield Deployed(cloud, runtimes, folder, bucket, more)


def tencent_shell(clone: Path, cloud: TencentCloud, vinocr: str) -> Shell:
    """Return a shell for the commands of docs/deploy-tencent.md, at home on the loopback cloud."""
    loopback = {
        "TENCENT_ENDPOINT_URL": cloud.url,
        "TENCENT_COS_PROXY": cloud.url,
        "VINDROP_VINOCR_ENDPOINT": vinocr,
        "PREFIX": "in/",
    }
    return shell(clone, loopback, {"coscmd": ("coscmd.cos_cmd", pinned("coscmd"))})
