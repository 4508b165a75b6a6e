"""From an upload to what VinOCR is given: a signed URL or bytes.

Photos that VinOCR would refuse are refused here first, by the first bytes of the object, which cost
nothing to read: an empty image would be billed, and a text file named .jpg would use a permit of
the rate limiter.
"""

from __future__ import annotations

import functools
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from vindrop.core.object_store import ObjectStores, Told, unheard
from vindrop.domain import error_codes
from vindrop.domain.failures import Failure, FailureError
from vindrop.domain.upload import Upload, reference_in
from vindrop.settings import Settings

Form = Literal["url", "bytes", "reencoded"]
TAKEN: Final = frozenset({"jpeg", "png"})
"""Formats of the API's contract."""
CONVERTED: Final = frozenset({"webp", "heif", "tiff", "bmp", "jpeg 2000"})
"""Formats of phones and scanners, turned into JPEG on the way."""
SHRINK_FURTHER: Final = 0.5
"""After VinOCR itself said too large: shrink to this part of the limit."""

LONGEST_SIDE: Final = 65_535
"""Pixels: what a JPEG can have. A longer side is no photo, and each of its rows costs memory."""
_UNREADABLE: Final = (
    (b"\xff\x0a", "jpeg xl"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "jpeg xl"),
    (b"II\xbc\x01", "jpeg xr"),
    (b"II+\0", "bigtiff"),
    (b"MM\0+", "bigtiff"),
    (b"8BPS\0", "photoshop file"),
    (b"\0\0\1\0", "icon"),
)
"""How files begin that are images, and that nothing here reads."""

_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""JPEG markers that start a frame (SOF0 to SOF15 without DHT, JPG, DAC): they hold the size."""


@dataclass(frozen=True, slots=True)
class Photo:
    """What VinOCR is given: exactly one of the two."""

    form: Form
    url: str | None = field(default=None, repr=False)
    """Signed: a key to the photo, so it is never shown."""
    data: bytes | None = field(default=None, repr=False)
    note: str = ""
    """What a person should know where no VIN is found, such as how many pages there were."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A photo that came with a request instead of as an object: exactly one of the two.

    It exists only while its caller waits, so no retry can be scheduled for it.
    """

    data: bytes | None = field(default=None, repr=False)
    url: str | None = field(default=None, repr=False)
    """Where VinOCR itself is to fetch it; nothing here ever does."""


@dataclass(slots=True)
class Fallbacks:
    """The form in which the photo is sent, and the forms that were tried: each at most once."""

    form: Form
    tried: set[Form] = field(default_factory=set)
    shrink_further: bool = False
    reference: str | None = None
    """Of the object's metadata, once its bucket has answered: also where the photo is refused then."""

    def told(self, headers: Mapping[str, str]) -> None:
        """Take the reference out of a bucket's answer."""
        self.reference = reference_in(headers) or self.reference

    def next_fallback(self, failure: Failure) -> bool:
        """Change to the form that the error table names. False: there is none, or it was tried."""
        form = failure.rule.fallback
        if form is None:
            return False
        self.tried.add(self.form)
        if form == "reencoded" and self.form != "url":
            self.shrink_further = True
        if form in self.tried:
            return False
        self.form = form
        return True


@dataclass(frozen=True, slots=True)
class Header:
    """Format and size."""

    format: str | None
    """``jpeg``, ``png``, ``webp``, ``heif``, ``gif``, ``bmp``, ``tiff``, ``jpeg 2000``, one that is only
    known by name, or None: not a known image."""
    width: int | None = None
    """Pixels, where the bytes at hand say it."""
    height: int | None = None

    @property
    def megapixels(self) -> float | None:
        """Millions of pixels, where the size is known."""
        if self.width is None or self.height is None:
            return None
        return self.width * self.height / 1e6


class Photographer:
    """Makes photos of uploads.

    :ivar memory_mb: what the function has, as its platform says; 0: unknown.
    """

    def __init__(self, settings: Settings, storage: ObjectStores) -> None:
        self._settings = settings
        self._storage = storage
        self.memory_mb = 0.0

    def first_form(self, upload: Upload, image: Literal["auto", "url", "bytes"]) -> Form:
        """Return the form in which a photo is sent unless something speaks against it.

        :param image: ``VINDROP_IMAGE``, or a recognizer's own.

        By default a URL from the provider's own store, which saves the photo a detour. From another
        cloud VinOCR's download would cross the world within its three seconds: bytes go at once.
        """
        if image == "auto":
            return "url" if self._storage.of(upload.cloud).sends_url else "bytes"
        return image

    def take(
        self,
        upload: Upload,
        form: Form,
        *,
        shrink_further: bool = False,
        sent: Sent | None = None,
        told: Told = unheard,
    ) -> Photo:
        """Return the photo, ready for a call.

        :param sent: what came with the request, where there is no object.
        :param shrink_further: VinOCR itself refused the size: shrink well below the limit.
        :param told: is given the headers of the bucket's answers.
        :raises FailureError: it cannot or need not be sent: empty, not an image, a decompression bomb, gone.
        """
        if sent is not None and sent.url is not None:
            return Photo("url", url=sent.url)
        if sent is not None:
            return self.from_bytes(sent.data or b"", form=form, shrink_further=shrink_further)
        if upload.size == 0:
            raise _empty()
        store = self._storage.of(upload.cloud)
        if form == "url" and survives_a_url(upload.key):
            peek = store.peek(upload, told)
            if self._check(peek.head, peek.size) is None:
                return Photo("url", url=store.url(upload))
        data = store.fetch(upload, told)
        return self.from_bytes(
            data, form="bytes" if form == "url" else form, shrink_further=shrink_further
        )

    def from_bytes(
        self, data: bytes, *, form: Form = "bytes", shrink_further: bool = False
    ) -> Photo:
        """Return the photo of an image at hand; see `take`."""
        reason = self._check(data[: 2**20], len(data))
        if reason is None and form != "reencoded":
            return Photo("bytes", data=data)
        from vindrop.core import reencode  # few photos need it

        limit = self._settings.max_image_bytes
        small = reencode.to_jpeg(
            data,
            max_bytes=math.floor(limit * SHRINK_FURTHER) if shrink_further else limit,
            check_size=functools.partial(check_size, most=self._settings.max_megapixels),
            memory_mb=self._settings.memory_mb or self.memory_mb,
        )
        return Photo("reencoded", data=small.data, note=small.note)

    def _check(self, head: bytes, size: int) -> str | None:
        """Return None where the photo can go as it is, or why it must be re-encoded."""
        if size == 0:
            raise _empty()
        header = read_header(head)
        if header.width is not None and header.height is not None:
            check_size(header.width, header.height, self._settings.max_megapixels)
        if header.format is None:
            raise FailureError(
                error_codes.NOT_AN_IMAGE,
                "the object is not an image: it does not begin as a JPEG or PNG does, whatever its name",
            )
        if header.format in CONVERTED:
            return header.format
        if header.format not in TAKEN:
            raise FailureError(
                error_codes.UNSUPPORTED_FORMAT,
                f"the object is a {header.format.upper()}: VinOCR reads JPEG and PNG, and HEIC, WebP, "
                "TIFF, BMP and JPEG 2000 are converted",
            )
        return "size" if size > self._settings.max_image_bytes else None


def is_allowed(settings: Settings, bucket: str, region: str, key: str) -> bool:
    """Whether VINDROP_ALLOWED_BUCKETS lets an object be read; an empty list lets every object.

    ``bucket`` stands for that name in every region, ``bucket@region`` for the one there. What an HTTP
    caller was given a place for is read as well.
    """
    allowed = settings.allowed_buckets
    if not allowed or not {bucket, f"{bucket}@{region}"}.isdisjoint(allowed):
        return True
    return (
        bucket == settings.upload_bucket
        and settings.upload_region in ("", region)
        and key.startswith(settings.upload_prefix)
    )


def survives_a_url(key: str) -> bool:
    """Whether a key can be asked for by whoever is given its URL.

    Many who fetch a URL take ``.``, ``..`` and empty parts out of its path first, and would ask for
    another object. VinOCR is given the bytes of such a photo.
    """
    return not {"", ".", ".."} & set(key.split("/"))


def explained(error: FailureError, photo: Photo) -> FailureError:
    """Return a call's failure with what a person should know of the photo that was sent."""
    if not photo.note:
        return error
    failure = error.failure
    return FailureError(
        failure.code,
        f"{failure.message} ({photo.note})",
        failure.request_id,
        failure.candidates,
    )


def _empty() -> FailureError:
    return FailureError(
        error_codes.EMPTY_PHOTO, "the object is empty: the upload broke off or sent nothing"
    )


def read_header(head: bytes) -> Header:
    """Read the header in the first bytes of a file; a name or a content type is never asked."""
    if head.startswith(b"\xff\xd8\xff"):
        return _jpeg(head)
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        sized = len(head) >= 24 and head[12:16] == b"IHDR"
        return Header("png", *(struct.unpack(">II", head[16:24]) if sized else ()))
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp(head)
    if head[4:8] == b"ftyp" and _is_heif(head):
        return Header("heif")
    if head.startswith((b"GIF87a", b"GIF89a")):
        return Header("gif")
    if head.startswith(b"BM") and len(head) > 26 and head[6:10] == b"\0\0\0\0":
        return Header("bmp")
    if head.startswith((b"II*\0", b"MM\0*")):
        return Header("tiff")
    if head.startswith((b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")):
        return _jpeg_2000(head)
    return Header(next((name for begin, name in _UNREADABLE if head.startswith(begin)), None))


def check_size(width: int, height: int, most: float) -> None:
    """Refuse an image that would fill the memory.

    :param width: pixels; ``height`` alike.
    :raises FailureError: more than ``most`` megapixels, or a side that no photo has.
    """
    if max(width, height) > LONGEST_SIDE:
        raise FailureError(
            error_codes.TOO_MANY_PIXELS,
            f"the image claims {width} x {height} pixels, and no side may have more than {LONGEST_SIDE}",
        )
    megapixels = width * height / 1e6
    if megapixels > most:
        raise FailureError(
            error_codes.TOO_MANY_PIXELS,
            f"the image claims {megapixels:.0f} megapixels, the most taken is {most:g} "
            "(VINDROP_MAX_MEGAPIXELS)",
        )


def _jpeg(head: bytes) -> Header:
    at = 2
    while at + 4 <= len(head):
        if head[at] != 0xFF:
            return Header("jpeg")
        marker = head[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker in _FRAMES and at + 9 <= len(head):
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return Header("jpeg", width, height)
        if marker == 0xDA:  # the image data begins, and no size was said
            return Header("jpeg")
        at += 2 + int.from_bytes(head[at + 2 : at + 4], "big")
    return Header("jpeg")


def _webp(head: bytes) -> Header:
    kind = head[12:16]
    if kind == b"VP8X" and len(head) >= 30:
        return Header("webp", *(int.from_bytes(head[n : n + 3], "little") + 1 for n in (24, 27)))
    if kind == b"VP8 " and len(head) >= 30:
        return Header(
            "webp", *(int.from_bytes(head[n : n + 2], "little") & 0x3FFF for n in (26, 28))
        )
    if kind == b"VP8L" and len(head) >= 25:
        bits = int.from_bytes(head[21:25], "little")
        return Header("webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    return Header("webp")


def _jpeg_2000(head: bytes) -> Header:
    at = head.find(b"\xff\x4f\xff\x51")
    if at < 0 or at + 24 > len(head):
        return Header("jpeg 2000")
    right, below, left, above = struct.unpack_from(">4I", head, at + 8)
    return Header("jpeg 2000", max(right - left, 0), max(below - above, 0))


def _is_heif(head: bytes) -> bool:
    size = min(int.from_bytes(head[:4], "big"), len(head), 64)
    brands = {head[8:12], *(head[i : i + 4] for i in range(16, size, 4))}
    return bool(brands & {b"heic", b"heix", b"heif", b"hevc", b"mif1", b"msf1", b"avif"})
