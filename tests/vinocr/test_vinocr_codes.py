"""Every error code of the contract, from its own cause, as the official SDK sees it."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException

from tests import bombs, images
from tests.vinocr.vinocr_support import (
    ID,
    KEY,
    VIN,
    b64,
    call,
    client,
    photo,
    refusal,
    stub_reader,
    wait_until,
)
from vinocr.api.codes import MESSAGES, Language, is_billed
from vinocr.launcher import ServerProcess

Start = Callable[..., ServerProcess]
GOOD = {"ImageBase64": b64(photo())}
NO_CAUSE = {
    # VinOCR has no parameter, resource or account option that could bring these about; the
    # operator's faults file can (test_vinocr_faults.py).
    "AuthFailure.MFAFailure",
    "AuthFailure.UnauthorizedOperation",
    "DryRunOperation",
    "FailedOperation",
    "InvalidParameter.ConfigFormatError",
    "ResourceInUse",
    "ResourceNotFound",
    "IpInBlacklist",
    "IpNotInWhitelist",
    "LimitExceeded",
    "RequestLimitExceeded.GlobalRegionUinLimitExceeded",
    "RequestLimitExceeded.UinLimitExceeded",
    "ResponseSizeLimitExceeded",
}
produced: set[str] = set()
Test = TypeVar("Test", bound=Callable[..., None])


def produces(*codes: str) -> Callable[[Test], Test]:
    """Say which codes a test brings about, so that a code without a test is noticed."""
    produced.update(codes)
    return lambda test: test


def test_no_code_is_left_out() -> None:
    assert produced | NO_CAUSE == set(MESSAGES)
    assert not produced & NO_CAUSE


def check(vinocr: ServerProcess, code: str, parameters: dict[str, Any], **how: Any) -> None:
    before = vinocr.counters()
    assert refusal(vinocr, parameters, **how) == code
    assert code in produced, "say so with @produces"
    after = vinocr.counters()
    names = [n for n in after if n.startswith("vinocr_calls_billed_total")]
    bill = sum(after[n] - before.get(n, 0) for n in names)
    assert bill == (1 if is_billed(code) else 0), "what is charged follows the contract's table"


def account(**about: Any) -> list[dict[str, Any]]:
    return [{"keys": [{"secret_id": ID, "secret_key": KEY}], **about}]


Bureau = Callable[[list[dict[str, Any]]], ServerProcess]


@pytest.fixture(scope="module")
def bureau(start: Start, tmp_path_factory: pytest.TempPathFactory) -> Bureau:
    """A server whose accounts file is rewritten while it runs, as an operator would."""
    file = tmp_path_factory.mktemp("bureau") / "accounts.json"
    versions = itertools.count(1)

    def write(accounts: list[dict[str, Any]]) -> None:
        # Ever more blanks: a rewrite within the clock's grain has another size.
        file.write_text(json.dumps({"accounts": accounts}) + " " * next(versions))

    write(account())
    vinocr = start(file)

    def rewrite(accounts: list[dict[str, Any]]) -> ServerProcess:
        write(accounts)
        return vinocr

    return rewrite


def text_image(
    text: str, *, at: int = 100, shake: int = 0, size: tuple[int, int] = (900, 200)
) -> str:
    image = Image.new("RGB", size, "white")
    font = ImageFont.load_default(40 if shake else 60)
    ImageDraw.Draw(image).text((at, 70), text, font=font, fill="black")
    for shift in (shake, shake // 2):
        image = ImageChops.darker(image, ImageChops.offset(image, shift, shift // 3))
    if shake:
        image = image.filter(ImageFilter.GaussianBlur(2))
    out = io.BytesIO()
    image.save(out, "PNG")
    return b64(out.getvalue())


# --- the image -----------------------------------------------------------------------------------

JPEG = photo()
STRANGE_JPEG = JPEG.replace(b"\xff\xc0", b"\xff\xc3", 1)  # says of itself that it is lossless

IMAGES = {
    "gif": ("FailedOperation.ImageDecodeFailed", b64(photo(kind="GIF"))),
    "webp": ("FailedOperation.ImageDecodeFailed", b64(photo(kind="WEBP"))),
    "truncated jpeg": ("FailedOperation.ImageDecodeFailed", b64(JPEG[: len(JPEG) // 3])),
    "truncated png": ("FailedOperation.ImageDecodeFailed", b64(photo(kind="PNG")[:300])),
    "not base64": ("FailedOperation.ImageDecodeFailed", "(!)"),
    "a data URL": ("FailedOperation.ImageDecodeFailed", "data:image/jpeg;base64," + b64(JPEG)),
    "text": ("FailedOperation.UnKnowFileTypeError", b64(b"hello, I am no image")),
    "empty": ("FailedOperation.EmptyImageError", ""),
    "a coding of its own": ("InvalidParameter.EngineImageDecodeFailed", b64(STRANGE_JPEG)),
    "7 MB and a bit": ("LimitExceeded.TooLargeFileError", "A" * (7 * 1024 * 1024 + 4)),
    "blank": ("FailedOperation.ImageNoText", b64(photo(""))),
    "no vin": ("FailedOperation.OcrFailed", text_image("NO PARKING")),
    "cut off": ("FailedOperation.DetectFailed", text_image(VIN, at=400)),
}


@produces(*(code for code, _ in IMAGES.values()))
@pytest.mark.parametrize("name", IMAGES)
def test_images_that_cannot_be_read(vinocr: ServerProcess, name: str) -> None:
    code, data = IMAGES[name]
    check(vinocr, code, {"ImageBase64": data})


@produces("FailedOperation.ImageBlur")
def test_a_shaken_camera(vinocr: ServerProcess) -> None:
    codes = set()
    for shift in (10, 14, 18, 24):
        try:
            call(vinocr, {"ImageBase64": text_image(VIN, shake=shift, size=(1000, 200))})
        except TencentCloudSDKException as error:
            codes.add(error.code)
        if "FailedOperation.ImageBlur" in codes:
            return
    raise AssertionError(f"somewhere between sharp and unreadable it is blurred: {codes}")


@produces("FailedOperation.ImageSizeTooLarge")
def test_a_bomb_is_refused_by_its_header(start: Start) -> None:
    vinocr = start(max_pixels=100_000)
    check(vinocr, "FailedOperation.ImageSizeTooLarge", GOOD)


@produces("FailedOperation.ImageSizeTooLarge")
def test_an_image_that_would_fill_a_readers_memory_is_refused_by_its_header(start: Start) -> None:
    """And says how many pixels of its kind would fit."""
    vinocr = start(max_pixels=120_000_000, memory_mb=100)
    kinds = {"JPEG": bombs.jpeg_claiming(12_000, 10_000, progressive=True, subsampling=0)}
    kinds["PNG"] = bombs.png_of(12_000, 10_000)
    for data in kinds.values():
        given = {"ImageBase64": b64(data)}
        check(vinocr, "FailedOperation.ImageSizeTooLarge", given)
        with pytest.raises(TencentCloudSDKException) as caught:
            call(vinocr, given)
        assert 5_000_000 < int(str(caught.value.message).split("`")[1]) < 30_000_000
    assert call(vinocr, GOOD) == VIN


def test_the_largest_image_is_taken(vinocr: ServerProcess) -> None:
    # 7 MB after Base64, to the byte: a JPEG may be followed by anything.
    padded = JPEG + bytes(7 * 1024 * 1024 // 4 * 3 - len(JPEG))
    text = b64(padded)
    assert len(text) == 7 * 1024 * 1024
    assert call(vinocr, {"ImageBase64": text}) == VIN


def test_line_breaks_in_base64_are_no_part_of_it(vinocr: ServerProcess) -> None:
    text = b64(JPEG)
    wrapped = "\r\n".join(text[i : i + 76] for i in range(0, len(text), 76))
    assert call(vinocr, {"ImageBase64": wrapped}) == VIN


def test_blanks_in_base64_are_the_plus_signs_that_a_form_made_them_of(
    vinocr: ServerProcess,
) -> None:
    text = b64(JPEG)
    assert text.count("+") > 9
    assert call(vinocr, {"ImageBase64": text.replace("+", " ")}) == VIN
    wrapped = "\n".join(text[i : i + 76] for i in range(0, len(text), 76))
    assert call(vinocr, {"ImageBase64": wrapped.replace("+", " ")}) == VIN


def test_metadata_and_a_missing_end_cost_no_reading(vinocr: ServerProcess) -> None:
    for data in (
        images.app(JPEG, images.exif((0x0001, 9, 1, b"\xff" * 4), (0x0112, 2, 2, b"1\0"))),
        images.app(JPEG, b"Exif\0\0" + bytes(300)),
        JPEG[:-2],
    ):
        assert call(vinocr, {"ImageBase64": b64(data)}) == VIN
    check(vinocr, "FailedOperation.ImageDecodeFailed", {"ImageBase64": b64(JPEG[:-900])})


@pytest.mark.parametrize(
    ("begin", "name"),
    [(b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"), (b"\xff\x4f\xff\x51", "JPEG 2000"),
     (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"), (b"II\xbc\x01", "JPEG XR"), (b"8BPS", "Photoshop")],
)  # fmt: skip
def test_an_image_of_another_format_is_named(
    vinocr: ServerProcess, begin: bytes, name: str
) -> None:
    with pytest.raises(TencentCloudSDKException, match=f"{name} is not supported") as caught:
        call(vinocr, {"ImageBase64": b64(begin + bytes(99))})
    assert caught.value.code == "FailedOperation.ImageDecodeFailed"


# --- the parameters ------------------------------------------------------------------------------

PARAMETERS: dict[str, tuple[str, dict[str, Any]]] = {
    "neither": ("MissingParameter", {}),
    "both null": ("MissingParameter", {"ImageBase64": None, "ImageUrl": None}),
    "a number": ("InvalidParameter", {"ImageBase64": 17}),
    "a list": ("InvalidParameter", {"ImageUrl": ["http://example.com/a.jpg"]}),
    "unknown": ("UnknownParameter", {"ImageBase64": "x", "Imagebase64": "y"}),
    "not a web address": ("InvalidParameterValue.InvalidParameterValueLimit", {"ImageUrl": "ftp://x/a.jpg"}),
    "no address at all": ("InvalidParameterValue.InvalidParameterValueLimit", {"ImageUrl": "photo.jpg"}),
    "a very long one": (
        "InvalidParameterValue.InvalidParameterValueLimit",
        {"ImageUrl": "http://example.com/" + "a" * 9000},
    ),
    "the URL goes first": ("FailedOperation.DownLoadError", {**GOOD, "ImageUrl": "http://127.0.0.1/"}),
}  # fmt: skip


@produces(*(code for code, _ in PARAMETERS.values()))
@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters(vinocr: ServerProcess, name: str) -> None:
    code, parameters = PARAMETERS[name]
    check(vinocr, code, parameters)


def test_an_empty_url_is_no_url(vinocr: ServerProcess) -> None:
    assert call(vinocr, {**GOOD, "ImageUrl": ""}) == VIN


def test_languages(vinocr: ServerProcess) -> None:
    for language in Language:
        with pytest.raises(
            Exception, match=MESSAGES["FailedOperation.ImageNoText"].in_language(language)
        ):
            call(vinocr, {"ImageBase64": b64(photo(""))}, language=language.value)


@produces("InvalidParameterValue")
def test_another_language(vinocr: ServerProcess) -> None:
    check(vinocr, "InvalidParameterValue", GOOD, language="fr-FR")


@produces("InvalidAction", "NoSuchVersion", "NoSuchProduct")
def test_what_is_called(vinocr: ServerProcess) -> None:
    check(vinocr, "InvalidAction", GOOD, action="GeneralBasicOCR")
    check(vinocr, "NoSuchVersion", GOOD, version="2017-03-12")
    check(vinocr, "NoSuchProduct", GOOD, product="cvm")


@produces("UnsupportedProtocol")
@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods(vinocr: ServerProcess, method: str) -> None:
    sdk = client(vinocr)
    send = sdk.request.conn.request  # the SDK knows GET and POST only: swap it at its last door
    sdk.request.conn.request = lambda _, *more: send(method, *more)
    with pytest.raises(TencentCloudSDKException) as caught:
        sdk.call_json("VinOCR", GOOD)
    assert caught.value.code == "UnsupportedProtocol"


@produces("UnsupportedOperation")
def test_octet_stream(vinocr: ServerProcess) -> None:
    with pytest.raises(Exception, match="UnsupportedOperation"):
        client(vinocr).call_octet_stream("VinOCR", {}, JPEG)


@produces("InvalidRequest")
def test_a_malformed_multipart_body(vinocr: ServerProcess) -> None:
    sdk = client(vinocr)
    broken = mock.patch.object(sdk, "_get_multipart_body", return_value=b"this is no multipart")
    with broken, pytest.raises(TencentCloudSDKException, match="InvalidRequest"):
        sdk.call_json("VinOCR", GOOD, options={"IsMultipart": True})


# --- who is calling ------------------------------------------------------------------------------


@produces(
    "AuthFailure.SecretIdNotFound",
    "AuthFailure.SignatureFailure",
    "AuthFailure.InvalidSecretId",
    "AuthFailure.TokenFailure",
)
def test_keys(vinocr: ServerProcess) -> None:
    check(vinocr, "AuthFailure.SecretIdNotFound", GOOD, secret_id="AKIDnobody")
    check(vinocr, "AuthFailure.SignatureFailure", GOOD, secret_key="wrong")
    check(vinocr, "AuthFailure.InvalidSecretId", GOOD, secret_id="some@mail.address")
    check(vinocr, "AuthFailure.TokenFailure", GOOD, token="a permanent key has none")
    for sign in ("TC3-HMAC-SHA256", "HmacSHA1"):
        check(vinocr, "AuthFailure.SecretIdNotFound", GOOD, secret_id="AKIDnobody", sign=sign)


@produces("AuthFailure.InvalidAuthorization")
def test_no_signature(vinocr: ServerProcess) -> None:
    with pytest.raises(Exception, match=r"AuthFailure\.InvalidAuthorization"):
        client(vinocr).call_json("VinOCR", GOOD, options={"SkipSign": True})


@produces("AuthFailure.SignatureExpire")
@pytest.mark.parametrize("sign", ["TC3-HMAC-SHA256", "HmacSHA1", "HmacSHA256"])
@pytest.mark.parametrize("off", [-330, 330])
def test_a_clock_that_is_off(vinocr: ServerProcess, sign: str, off: int) -> None:
    now = time.time()
    with mock.patch("time.time", return_value=now + off):
        assert refusal(vinocr, {"ImageBase64": "x"}, sign=sign) == "AuthFailure.SignatureExpire"


def test_a_clock_that_is_almost_off(vinocr: ServerProcess) -> None:
    now = time.time()
    with mock.patch("time.time", return_value=now - 280):
        assert call(vinocr, GOOD) == VIN


def test_temporary_credentials(bureau: Bureau) -> None:
    now = dt.datetime.now(dt.timezone.utc)
    keys = [
        {"secret_id": "AKIDgood", "secret_key": KEY, "token": "t1", "expires": (now + dt.timedelta(hours=1)).isoformat()},
        {"secret_id": "AKIDold", "secret_key": KEY, "token": "t2", "expires": (now - dt.timedelta(seconds=1)).isoformat()},
    ]  # fmt: skip
    vinocr = bureau([{"keys": keys}])
    for sign in ("TC3-HMAC-SHA256", "HmacSHA256"):
        assert call(vinocr, GOOD, secret_id="AKIDgood", token="t1", sign=sign) == VIN
        for secret_id, token in (("AKIDgood", None), ("AKIDgood", "t2"), ("AKIDold", "t2")):
            check(
                vinocr,
                "AuthFailure.TokenFailure",
                GOOD,
                secret_id=secret_id,
                token=token,
                sign=sign,
            )


def test_two_accounts_do_not_mix(bureau: Bureau) -> None:
    accounts = [
        {"uin": "1", "keys": [{"secret_id": "AKIDone", "secret_key": "k1"}]},
        {"uin": "2", "keys": [{"secret_id": "AKIDtwo", "secret_key": "k2"}], "state": "in_arrears"},
    ]
    vinocr = bureau(accounts)
    assert call(vinocr, GOOD, secret_id="AKIDone", secret_key="k1") == VIN
    check(vinocr, "AuthFailure.SignatureFailure", GOOD, secret_id="AKIDone", secret_key="k2")
    check(vinocr, "ResourceUnavailable.InArrears", GOOD, secret_id="AKIDtwo", secret_key="k2")
    assert vinocr.counters()['vinocr_calls_billed_total{account="1"}'] == 1


ACCOUNTS = {
    "FailedOperation.UnOpenError": account(state="not_activated"),
    "ResourceUnavailable.InArrears": account(state="in_arrears"),
    "FailedOperation.ArrearsError": account(state="suspended_for_arrears"),
    "ResourceUnavailable.ResourcePackageRunOut": account(state="package_used_up"),
    "ResourcesSoldOut.ChargeStatusException": account(state="billing_exception"),
    "UnauthorizedOperation": account(state="disabled"),
    "FailedOperation.CountLimitError": account(daily_limit=0),
}


@produces(*ACCOUNTS)
@pytest.mark.parametrize("code", ACCOUNTS)
def test_states_of_an_account(bureau: Bureau, code: str) -> None:
    check(bureau(ACCOUNTS[code]), code, GOOD)
    assert call(bureau(account()), GOOD) == VIN, "an account that was put right may call at once"


def test_a_broken_accounts_file_changes_nothing(bureau: Bureau) -> None:
    assert call(bureau([{"keys": "none"}]), GOOD) == VIN


# --- limits --------------------------------------------------------------------------------------


@produces("RequestSizeLimitExceeded")
def test_sizes(vinocr: ServerProcess) -> None:
    check(vinocr, "RequestSizeLimitExceeded", {"ImageBase64": "A" * 33_000}, method="GET")
    check(vinocr, "RequestSizeLimitExceeded", {"ImageBase64": "A" * (10 * 1024 * 1024)})
    check(vinocr, "AuthFailure.SignatureFailure", {"ImageBase64": "A" * 1_100_000}, sign="HmacSHA1")
    check(
        vinocr, "LimitExceeded.TooLargeFileError", {"ImageBase64": "A" * (10 * 1024 * 1024 - 100)}
    )


def codes_of_a_burst(vinocr: ServerProcess) -> dict[str, str]:
    """30 calls that follow one another within milliseconds; code → message."""
    sdk = client(vinocr)
    answers: dict[str, str] = {}
    for _ in range(30):
        with pytest.raises(TencentCloudSDKException) as caught:
            sdk.call_json("VinOCR", {})
        answers[str(caught.value.code)] = str(caught.value.message)
    return answers


@produces("RequestLimitExceeded")
def test_rates(bureau: Bureau) -> None:
    answers = codes_of_a_burst(bureau(account(rate=1)))
    assert set(answers) == {"MissingParameter", "RequestLimitExceeded"}
    assert re.search(r"`\d+`.*`1`", answers["RequestLimitExceeded"]), "both numbers, in backquotes"


@produces("ActionOffline")
def test_offline(start: Start) -> None:
    check(start(offline="true"), "ActionOffline", GOOD)


@produces("UnsupportedRegion", "RequestLimitExceeded.IPLimitExceeded")
def test_region_and_client_address(start: Start) -> None:
    vinocr = start(regions="ap-guangzhou,ap-beijing", ip_rate=1)
    check(vinocr, "UnsupportedRegion", GOOD, region="mars-north")
    assert "RequestLimitExceeded.IPLimitExceeded" in codes_of_a_burst(vinocr)


# --- the engine ----------------------------------------------------------------------------------


def broken_reader(folder: Path, body: str) -> str:
    """A folder for PYTHONPATH in which the reader's own code goes wrong."""
    (folder / "sitecustomize.py").write_text(
        "import sys, time, os\n"
        "if any('vinocr' in a for a in sys.orig_argv):\n"
        "    import vinocr.reader.reader as r\n"
        f"    {body}\n"
    )
    return str(folder)


ENGINES = {
    "InternalError": "1 / 0",
    "FailedOperation.UnKnowError": "os.kill(os.getpid(), 9)",
    "FailedOperation.EngineRecognizeTimeout": "time.sleep(60)",
}


@produces(*ENGINES)
def test_an_engine_that_goes_wrong(tmp_path: Path) -> None:
    acts = " or ".join(f"({c.encode()!r} in image and {act})" for c, act in ENGINES.items())
    body = f"read = r.Reader.read; r.Reader.read = lambda self, image: {acts} or read(self, image)"
    texts = {
        "PYTHONPATH": broken_reader(tmp_path, body),
        "VINOCR_SECRET_ID": ID,
        "VINOCR_SECRET_KEY": KEY,
        "VINOCR_READ_SECONDS": "1.5",
        "VINOCR_THREADS": "1",
    }
    with ServerProcess.start(texts, log=tmp_path / "log.jsonl") as vinocr:
        for code in ENGINES:  # a JPEG may be followed by anything
            check(vinocr, code, {"ImageBase64": b64(photo() + code.encode())})
            assert call(vinocr, GOOD) == VIN, "a fresh reader takes over"
        assert vinocr.counters()["vinocr_reader_restarts"] == 2


@produces("ResourceInsufficient")
def test_an_engine_that_is_busy(tmp_path: Path) -> None:
    texts = stub_reader(tmp_path, seconds=3) | {"VINOCR_QUEUE": "0"}
    with ServerProcess.start(texts, log=tmp_path / "log.jsonl") as vinocr:
        vinocr.wait_ready()
        with ThreadPoolExecutor(1) as threads:
            first = threads.submit(call, vinocr, GOOD)
            wait_until(lambda: vinocr.counters()["vinocr_readers_busy"] == 1)
            check(vinocr, "ResourceInsufficient", GOOD)
            assert first.result() == VIN


@produces("ResourceUnavailable", "ServiceUnavailable")
@pytest.mark.parametrize(
    ("code", "body"), [("ResourceUnavailable", "1 / 0"), ("ServiceUnavailable", "time.sleep(60)")]
)
def test_an_engine_that_does_not_start(tmp_path: Path, code: str, body: str) -> None:
    texts = {
        "PYTHONPATH": broken_reader(tmp_path, f"r.Reader.__init__ = lambda self, **_: {body}"),
        "VINOCR_SECRET_ID": ID,
        "VINOCR_SECRET_KEY": KEY,
        "VINOCR_QUEUE_SECONDS": "1" if code == "ServiceUnavailable" else "30",
    }
    with ServerProcess.start(texts, log=tmp_path / "log.jsonl") as vinocr:
        check(vinocr, code, GOOD)
