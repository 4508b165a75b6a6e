"""Calls VinOCR through the official SDK. The only file that imports it.

What the SDK does wrong, seen and avoided here: its retryer throws a success away and calls again
(so it has none); models.py has 43,000 lines (so `CommonClient`); an error that comes with an
unexpected content type passes as a success (so the answer's JSON is read here); and besides its
own exception it lets KeyError, AttributeError and those of `requests` escape.
"""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from vindrop.clouds import Credentials, for_vinocr, keep_to_itself, trimmed
from vindrop.core.invocation import Deadline, bound, deadline
from vindrop.core.photo import Photo
from vindrop.core.recognizer import Answer
from vindrop.domain import error_codes
from vindrop.domain.failures import LONGEST_ID, FailureError
from vindrop.domain.recognition import TENCENT, Alternative, Box, Character
from vindrop.domain.redaction import printable
from vindrop.domain.vin import ALPHABET, LENGTH, is_well_formed
from vindrop.settings import Settings

SERVICE: Final = "ocr"
VERSION: Final = "2018-11-19"
ACTION: Final = "VinOCR"
DETAIL: Final = "X-VinOCR-Detail"
"""Header that asks our own VinOCR for more than ``Vin``; any other one ignores it (docs/vinocr.md)."""
_MOST: Final = 16
"""Alternatives that are taken over, of a VIN or of a character."""


class VinOCR:
    """The recognizer VinOCR: one connection pool for as long as its credentials stay the same.

    :param environment: where credentials are read, at every call: an execution role's expire while
        a function lives. The process's own by default.
    :param credentials: gives them instead, at every call.
    """

    bills = True

    def __init__(
        self,
        settings: Settings,
        environment: Mapping[str, str] | None = None,
        credentials: Callable[[], Credentials] | None = None,
    ) -> None:
        self._settings = settings
        given = os.environ if environment is None else environment
        self.credentials = credentials or (lambda: for_vinocr(settings, given))
        """Gives what a call is signed with; raises FailureError where there is nothing."""
        host = f".{settings.vinocr_host.partition(':')[0].lower()}"
        self._headers = {} if host.endswith(TENCENT) else {DETAIL: "true"}
        self._lock = threading.Lock()
        self._heard = threading.local()
        self._client: Any = None
        self._credentials: Credentials | None = None

    @property
    def endpoint(self) -> str:
        """Host and port that is called."""
        return self._settings.vinocr_host

    def prepare(self) -> None:
        """Load the SDK now, so that a permit is not spent on it.

        :raises FailureError: there are no credentials.
        """
        self._connected()

    def recognize(
        self, photo: Photo, *, trace_id: str | None = None, seconds: float | None = None
    ) -> Answer:
        """Make one call, and never a second one.

        :param trace_id: sent as X-TC-TraceId, so that the provider can find the call.
        :param seconds: that the call may take as a whole; ``VINDROP_VINOCR_TIMEOUT`` at most.
        :raises FailureError: every way in which it can fail.
        """
        if photo.url is not None:
            parameters = {"ImageUrl": photo.url}
        else:
            parameters = {"ImageBase64": base64.b64encode(photo.data or b"").decode()}
        traced = {"X-TC-TraceId": trace_id} if trace_id else {}
        return self._call(parameters, {**self._headers, **traced}, seconds)

    def call_without_photo(self) -> None:
        """Make a call without a photo: it is refused before anything is read, and never billed.

        The code of the refusal tells whether the keys are valid, the account is active and the clock
        is right; a parameter's error means that all three are.

        :raises FailureError: always.
        """
        self._call({}, {})

    def _call(
        self, parameters: dict[str, str], headers: dict[str, str], seconds: float | None = None
    ) -> Answer:
        from tencentcloud.common.exception.tencent_cloud_sdk_exception import (
            TencentCloudSDKException,
        )

        client = self._connected()
        started = time.perf_counter()
        longest = self._settings.vinocr_timeout
        with deadline(longest if seconds is None else min(seconds, longest)) as limit:
            try:
                answer = client.call_json(ACTION, parameters, headers)
            except TencentCloudSDKException as error:
                raise _sdk_failure(error, limit, self._candidates(error)) from None
            except Exception as error:  # noqa: BLE001
                # KeyError for an error without RequestId, ValueError for a body that is not JSON,
                # exceptions of `requests` for one that breaks off: the SDK lets them all through.
                raise FailureError(
                    error_codes.BROKEN_ANSWER,
                    f"VinOCR's answer could not be read ({type(error).__name__}); it may have been "
                    "billed",
                ) from None
            finally:
                self._heard.response = None
        return _answer(answer, time.perf_counter() - started)

    def _candidates(self, error: Any) -> tuple[Alternative, ...] | None:
        """Return what stands beside the error that the SDK made an exception of; None: nothing.

        An error with a RequestId is one whose answer the SDK has read to its end.
        """
        heard = getattr(self._heard, "response", None)
        if heard is None or not error.get_request_id():
            return None
        try:
            return _alternatives(json.loads(heard.content)["Response"].get("Alternatives"))
        except (ValueError, LookupError, TypeError, AttributeError):
            return None

    def _hear(self, response: Any, **_: Any) -> None:
        """Keep an answer of this thread's call: the SDK drops what is beside an error."""
        self._heard.response = response

    def _connected(self) -> Any:
        """Return the SDK's client, a new one where the credentials have changed."""
        credentials = self.credentials()
        with self._lock:
            if self._client is None or credentials != self._credentials:
                self._client = self._connect(credentials)
                self._credentials = credentials
            return self._client

    def _connect(self, credentials: Credentials) -> Any:
        from tencentcloud.common.common_client import CommonClient
        from tencentcloud.common.credential import Credential
        from tencentcloud.common.profile.client_profile import ClientProfile
        from tencentcloud.common.profile.http_profile import HttpProfile

        http = HttpProfile(
            protocol=self._settings.vinocr_scheme,
            endpoint=self._settings.vinocr_host,
            # `requests` takes the pair: to connect, and for each read; `deadline` bounds the whole.
            reqTimeout=(self._settings.vinocr_connect_timeout, self._settings.vinocr_timeout),
            keepAlive=True,
        )
        client: Any = CommonClient(
            SERVICE,
            VERSION,
            Credential(credentials.id, credentials.key, credentials.token),
            trimmed(self._settings.vinocr_region),
            ClientProfile(httpProfile=http, language=self._settings.vinocr_language),
        )
        keep_to_itself(client, f"{self._settings.vinocr_scheme}://{self._settings.vinocr_host}")
        session = client.request.conn._session  # noqa: SLF001  # the SDK has no other way to it
        bound(session)
        if self._headers:
            session.hooks["response"].append(self._hear)
        return client


def _sdk_failure(
    error: Any, limit: Deadline, candidates: tuple[Alternative, ...] | None = None
) -> FailureError:
    code = str(error.get_code() or error_codes.BROKEN_ANSWER)
    if error_codes.rule(code).of_connection and limit.sent is False:
        code = error_codes.NOT_CONNECTED
    message = error.get_message()
    if isinstance(message, bytes):  # the body of an answer that was not 200: not ours to quote
        message = "VinOCR did not answer with status 200"
    sentence = error_codes.rule(code).sentence or str(message or "")
    return FailureError(code, sentence, error.get_request_id(), candidates)


def _answer(answer: Any, seconds: float) -> Answer:
    response = answer.get("Response") if isinstance(answer, dict) else None
    if not isinstance(response, dict):
        raise FailureError(
            error_codes.BROKEN_ANSWER, "VinOCR's answer holds no Response; it may have been billed"
        )
    request_id = printable(str(response.get("RequestId") or ""))[:LONGEST_ID]
    error = response.get("Error")
    if isinstance(error, dict):
        raise FailureError(
            str(error.get("Code") or error_codes.BROKEN_ANSWER),
            str(error.get("Message") or ""),
            request_id or None,
            _alternatives(response.get("Alternatives")),
        )
    vin = response.get("Vin")
    if vin is None:
        raise FailureError(
            error_codes.BROKEN_ANSWER,
            "VinOCR's answer holds neither a Vin nor an Error; it may have been billed",
            request_id or None,
        )
    if not isinstance(vin, str) or not vin.strip():
        raise FailureError(
            error_codes.EMPTY_VIN, "VinOCR answered with an empty Vin", request_id or None
        )
    characters = _characters(response.get("Characters"))
    return Answer(
        vin,
        request_id,
        seconds,
        vin_box=_box(response.get("Polygon")),
        confidence=_share(response.get("Confidence")),
        # They are told of the 17 of this VIN, in order.
        characters=characters if "".join(each.character for each in characters) == vin else None,
        alternatives=_alternatives(response.get("Alternatives")),
        places=_places(response.get("Characters")),
    )


def _places(said: Any) -> tuple[Box, ...] | None:
    """Return where each character stands; None unless that is told of all of them."""
    told = said[:LENGTH] if isinstance(said, list) else []
    boxes = [_box(each.get("Polygon")) for each in told if isinstance(each, dict)]
    known = tuple(box for box in boxes if box is not None)
    return known if len(known) == LENGTH else None


def _characters(said: Any) -> tuple[Character, ...]:
    """Return ``[{"Character", "Confidence", "Alternatives"}, …]``; of anything else what makes sense."""
    return tuple(
        Character(
            character=each["Character"],
            confidence=each["Confidence"],
            alternatives=tuple(
                (other["Character"], other["Confidence"])
                for other in _told(each.get("Alternatives"), "Character")
            ),
        )
        for each in _told(said, "Character", most=LENGTH)
    )


def _alternatives(said: Any) -> tuple[Alternative, ...] | None:
    """Return other VINs from ``[{"Vin", "Confidence"}, …]``; None where nothing is told."""
    if not isinstance(said, list):
        return None
    return tuple(
        Alternative(vin=each["Vin"], confidence=each["Confidence"])
        for each in _told(said, "Vin")
        if is_well_formed(each["Vin"])
    )


def _told(said: Any, name: str, most: int = _MOST) -> list[dict[str, Any]]:
    """Return the objects of a list that hold a VIN's characters under ``name``, and a confidence."""
    return [
        each
        for each in (said[:most] if isinstance(said, list) else ())
        if isinstance(each, dict)
        and isinstance(text := each.get(name), str)
        and text
        and not text.strip(ALPHABET)
        and (len(text) == 1 or name != "Character")
        and _is_share(each.get("Confidence"))
    ]


def _share(value: Any) -> float | None:
    return float(value) if _is_share(value) else None


def _box(polygon: Any) -> Box | None:
    """Return four points from ``[{"X": 0…1, "Y": 0…1}, …]``; None from anything else.

    An extension of our own VinOCR: what it says wrong must not cost the reading.
    """
    if not isinstance(polygon, list) or len(polygon) != 4:
        return None
    points = [
        (float(corner["X"]), float(corner["Y"]))
        for corner in polygon
        if isinstance(corner, dict) and _is_share(corner.get("X")) and _is_share(corner.get("Y"))
    ]
    return (points[0], points[1], points[2], points[3]) if len(points) == 4 else None


def _is_share(value: Any) -> bool:
    """Whether ``value`` is a number in 0…1. NaN is not; neither is a boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1
