"""From an upload to what VinOCR is given: a signed URL or bytes. What can be refused for free is.

An empty image is billed, a text file named .jpg costs a call of the quota, and a format that the
API does not take comes back as an error: all of that shows in the first bytes of the object,
which cost nothing to look at.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final, Literal

from vindrop.core import image_header, reencode
from vindrop.core.object_store import ObjectStores
from vindrop.domain import failures
from vindrop.domain.failures import FailureError
from vindrop.domain.upload import Upload
from vindrop.settings import Settings

Way = Literal["url", "bytes", "reencoded"]
TAKEN: Final = frozenset({"jpeg", "png"})
"""Formats of the API's contract."""
CONVERTED: Final = frozenset({"webp", "heif", "tiff", "bmp"})
"""Formats of phones and scanners, turned into JPEG on the way."""
FURTHER_SHRINK: Final = 0.5
"""After VinOCR itself said too large: shrink to this part of the limit."""


@dataclass(frozen=True, slots=True)
class Photo:
    """What VinOCR is given: exactly one of the two."""

    way: Way
    url: str | None = field(default=None, repr=False)
    """Signed: a key to the photo, so it is never shown."""
    data: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Sent:
    """A photo that came with a request instead of as an object: exactly one of the two.

    It exists while its caller waits and no longer, so nobody can come back for it.
    """

    data: bytes | None = field(default=None, repr=False)
    url: str | None = field(default=None, repr=False)
    """Where VinOCR itself is to fetch it; nothing here ever does."""


class Photographer:
    """Makes photos of uploads."""

    def __init__(self, settings: Settings, storage: ObjectStores) -> None:
        self._settings = settings
        self._storage = storage

    def first_form(self, upload: Upload) -> Way:
        """Return how a photo goes unless something speaks against it.

        By default a URL from the provider's own store, which saves the photo a detour. From another
        cloud VinOCR's download would cross the world within its three seconds: bytes go at once.
        """
        if self._settings.image == "auto":
            return "url" if self._storage.of(upload.cloud).sends_url else "bytes"
        return self._settings.image

    def take(
        self, upload: Upload, way: Way, *, shrink_further: bool = False, sent: Sent | None = None
    ) -> Photo:
        """Return the photo, ready for a call.

        :param sent: what came with the request, where there is no object.
        :param shrink_further: VinOCR itself refused the size: shrink well below the limit.
        :raises FailureError: it cannot or need not be sent: empty, no image, a bomb, gone.
        """
        if sent is not None and sent.url is not None:
            return Photo("url", url=sent.url)
        if sent is not None:
            return self.from_bytes(sent.data or b"", way=way, shrink_further=shrink_further)
        if upload.size == 0:
            raise _empty()
        store = self._storage.of(upload.cloud)
        if way == "url":
            peek = store.peek(upload)
            if self._check(peek.head, peek.size) is None:
                return Photo("url", url=store.url(upload))
        data = store.fetch(upload)
        return self.from_bytes(
            data, way="bytes" if way == "url" else way, shrink_further=shrink_further
        )

    def from_bytes(self, data: bytes, *, way: Way = "bytes", shrink_further: bool = False) -> Photo:
        """Return the photo of an image at hand; see `take`."""
        reason = self._check(data[: 2**20], len(data))
        if reason is None and way != "reencoded":
            return Photo("bytes", data=data)
        limit = self._settings.max_image_bytes
        small = reencode.to_jpeg(
            data,
            max_bytes=math.floor(limit * FURTHER_SHRINK) if shrink_further else limit,
            max_megapixels=self._settings.max_megapixels,
        )
        return Photo("reencoded", data=small)

    def _check(self, head: bytes, size: int) -> str | None:
        """Return None where the photo can go as it is, or why it must be re-encoded."""
        if size == 0:
            raise _empty()
        header = image_header.read(head)
        if header.megapixels is not None:
            reencode.check_pixels(header.megapixels, self._settings.max_megapixels)
        if header.format is None:
            raise FailureError(
                failures.NOT_AN_IMAGE,
                "the object is not an image: it does not begin as a JPEG or PNG does, whatever its name",
            )
        if header.format in CONVERTED:
            return header.format
        if header.format not in TAKEN:
            raise FailureError(
                failures.UNSUPPORTED_FORMAT,
                f"the object is a {header.format.upper()}: VinOCR reads JPEG and PNG, and HEIC, WebP, "
                "TIFF and BMP are converted",
            )
        return "size" if size > self._settings.max_image_bytes else None


def _empty() -> FailureError:
    return FailureError(
        failures.EMPTY_PHOTO, "the object is empty: the upload broke off or sent nothing"
    )
