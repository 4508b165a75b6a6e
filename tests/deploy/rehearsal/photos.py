"""What is the same on both clouds: how it begins, and the photo that a person must read."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from tests.deploy import installed
from tests.deploy.person import Person
from tests.deploy.rehearsal.narrator import Narrator, Words

FAR, OF = "too-far.jpg", "peened-01.jpg"
CLONED = Words(
    "You fetch the repository. Here: this clone as it is, copied to a folder that is deleted at the end.",
    "获取仓库。这里：把当前的克隆原样复制到一个结束时会删除的文件夹。",
)
SET_UP = Words(
    "Python's side and osls are installed. Here: they are there, from this clone.",
    "安装 Python 部分和 osls。这里：直接使用本克隆中已有的。",
)
SETTINGS = Words(
    "The function's own settings, as they are deployed, go into a file.",
    "把已部署函数自己的设置写入一个文件。",
)
DOCTOR = Words(
    "Would it work? They are checked from here.",
    "它能正常工作吗？在这里检查这些设置。",
)
UNREAD = Words(
    "A photo from too far away: in it no VIN is found. It is not lost, but becomes a dead letter that "
    "says why, and waits for a person.",
    "一张离得太远的照片：其中找不到 VIN。它不会丢失，而是成为一条写明原因的死信，等待人工处理。",
)
NOT_READ = Words(
    "Your photo was not read: it is a dead letter, which the next step lists and which waits for a person.",
    "您的照片没有被识别：它是一条死信，下一步会列出，并等待人工处理。",
)
CORRECTS = Words(
    "A person opens the console (the deployed HTTP function), sees the photo in the queue, and types the "
    "VIN that they read.",
    "有人打开控制台（已部署的 HTTP 函数），在队列中看到这张照片，输入自己读出的 VIN。",
)


def too_far(folder: Path) -> tuple[Path, str]:
    """Return a photo that is made too small for every engine, in ``folder``, and the VIN on it."""
    path = folder / FAR
    with Image.open(installed.PHOTOS / OF) as photo:
        photo.reduce(5).save(path)
    return Path(FAR), installed.vins()[OF]


def correct(say: Narrator, person: Person, key: str) -> None:
    """Sign in, find the photo in the queue, and decide it.

    :raises LookupError: it is not in the queue.
    """
    say.tell("    > POST /v1/session")
    person.signs_in(key)
    say.tell("    > GET /v1/reviews")
    waiting = {item["name"]: item for item in person.gets("/v1/reviews")["items"]}
    if FAR not in waiting:
        raise LookupError(f"the console's queue has {sorted(waiting)}, and not {FAR}")
    item, vin = waiting[FAR], installed.vins()[OF]
    say.shows("\n".join(f"{one['name']}: {one.get('code')}" for one in waiting.values()))
    say.tell(f"    > POST /v1/reviews/{item['id'][:12]}…  {json.dumps({'vin': vin})}")
    review = person.decides(item, vin)["review"]
    say.shows(f"201: {review['vin']}, {review['reviewer']}")
