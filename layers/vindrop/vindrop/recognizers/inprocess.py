"""Our own reader in the function's process: no server, no call, no bill. Imported only where it is asked for.

It decodes strangers' images in this process, without the server's confined readers: fine for one
container that does everything, for photos of people one knows. A reading cannot be interrupted; the
platform's time limit is its only one.
"""

from __future__ import annotations

import threading
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

from vindrop.core import image_memory
from vindrop.core.photo import Photo
from vindrop.core.recognizer import Answer
from vindrop.core.store_errors import StoreSettingError
from vindrop.domain import error_codes
from vindrop.domain.failures import FailureError
from vindrop.domain.recognition import Alternative, Character

if TYPE_CHECKING:
    from vinocr.reader import Reader

_REASONS: Final = {
    "no_text": (error_codes.NO_TEXT, "the photo holds no text"),
    "no_vin": (error_codes.NO_VIN, "no VIN was found on the photo"),
    "cut_off": (error_codes.CUT_OFF, "the VIN is cut off by the photo's edge"),
    "blurred": (error_codes.BLURRED, "the photo is too blurred"),
}
"""The reader's reason → code and sentence."""


class InProcess:
    """The recognizer ``inprocess:``. Its networks are loaded at its first photo, and stay.

    :raises StoreSettingError: the package vinocr is not installed.
    """

    bills = False
    memory_mb = 0.0
    """What the function has, as its platform says; 0: unknown."""
    endpoint = "inprocess"

    def __init__(self) -> None:
        try:
            import vinocr.reader  # noqa: F401  # its parts are loaded when a photo comes
        except ImportError:
            raise StoreSettingError(
                "VINDROP_RECOGNIZERS asks for inprocess:, which needs the package vinocr: install "
                "vindrop-vinocr, or name a server of it"
            ) from None
        self._reader: Reader | None = None
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Load the networks.

        :raises FailureError: they are not installed.
        """
        self._loaded()

    def recognize(
        self,
        photo: Photo,
        *,
        trace_id: str | None = None,  # noqa: ARG002  # nobody else is called
        seconds: float | None = None,  # noqa: ARG002  # a reading cannot be interrupted
    ) -> Answer:
        """Read a photo's bytes.

        :raises FailureError: there is no VIN, or the photo came as an address only.
        """
        if photo.data is None:
            raise FailureError(
                error_codes.URL_UNREADABLE,
                "the recognizer in the function's process fetches no addresses: send the photo itself",
            )
        from vinocr.reader import ImageError

        request_id, started = str(uuid.uuid4()), time.perf_counter()
        try:
            reader = self._loaded()
            found = reader.read(photo.data, memory_mb=image_memory.left_mb(self.memory_mb))
        except ImageError as error:
            codes = {
                "empty": error_codes.EMPTY_PHOTO,
                "too_many_pixels": error_codes.TOO_MANY_PIXELS,
            }
            code = codes.get(error.code, error_codes.DAMAGED)
            raise FailureError(code, str(error), request_id) from None
        except Exception as error:  # noqa: BLE001  # one photo must not take the function down
            raise FailureError(
                error_codes.BROKEN_ENGINE, f"the reader failed ({type(error).__name__})", request_id
            ) from None
        if found.vin is None:
            code, sentence = _REASONS[found.reason or "no_vin"]
            raise FailureError(code, sentence, request_id, _candidates(found))
        return answer_of(found, request_id, time.perf_counter() - started)

    def _loaded(self) -> Reader:
        with self._lock:
            if self._reader is None:
                from vinocr.reader import ModelsMissingError, Reader

                try:
                    self._reader = Reader()
                except (ModelsMissingError, ImportError) as error:
                    raise FailureError(error_codes.NO_CREDENTIALS, str(error)) from None
            return self._reader


def answer_of(found: Any, request_id: str, seconds: float) -> Answer:
    """Return a reader's answer (`vinocr.reader.Answer`) as recognizers give it."""
    return Answer(
        found.vin,
        request_id,
        seconds,
        vin_box=found.polygon,
        confidence=found.confidence,
        characters=tuple(
            Character(character=character, confidence=confidence, alternatives=others)
            for character, confidence, others in zip(
                found.vin, found.characters, found.others, strict=True
            )
        ),
        alternatives=_candidates(found),
    )


def _candidates(found: Any) -> tuple[Alternative, ...]:
    return tuple(
        Alternative(vin=each.vin, confidence=each.confidence) for each in found.alternatives
    )
