"""A wrong setting fails the start with one sentence that names it."""

from __future__ import annotations

import pytest

from vindrop import settings
from vindrop.settings import SettingsError

GOOD = {
    "VINDROP_RESULTS": "sqlite:////tmp/a.db",
    "VINDROP_DEAD_LETTERS": "file:///tmp/dead.jsonl",
    "VINDROP_LEDGER": "sqlite:////tmp/a.db",
}


def test_the_least_that_must_be_said() -> None:
    found = settings.load(GOOD | {"PATH": "/bin", "SCF_FUNCTIONNAME": "x"})
    assert found.results == ("sqlite:////tmp/a.db",)
    assert found.vinocr_host == "ocr.tencentcloudapi.com"
    assert found.vinocr_scheme == "https"
    assert found.rate_limiter_url == "sqlite:////tmp/a.db"
    assert (found.rate, found.burst, found.max_attempts) == (10, 1, 5)
    # 7 MB after Base64, so at most three quarters of that before.
    assert found.max_image_bytes * 4 / 3 <= 7_000_000


def test_lists_are_separated_by_spaces_or_commas() -> None:
    found = settings.load(GOOD | {"VINDROP_RESULTS": "file:///a, file:///b  file:///c"})
    assert found.results == ("file:///a", "file:///b", "file:///c")


@pytest.mark.parametrize(
    ("endpoint", "scheme", "host"),
    [
        ("ocr.intl.tencentcloudapi.com", "https", "ocr.intl.tencentcloudapi.com"),
        ("127.0.0.1:9000", "https", "127.0.0.1:9000"),
        ("http://127.0.0.1:9000", "http", "127.0.0.1:9000"),
        ("http://127.0.0.1:9000/", "http", "127.0.0.1:9000"),
    ],
)
def test_endpoints(endpoint: str, scheme: str, host: str) -> None:
    found = settings.load(GOOD | {"VINDROP_VINOCR_ENDPOINT": endpoint})
    assert (found.vinocr_scheme, found.vinocr_host) == (scheme, host)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"VINDROP_RESULTS": ""}, "VINDROP_RESULTS is not set"),
        ({"VINDROP_RESULT": "x"}, "did you mean VINDROP_RESULTS"),
        ({"VINDROP_RATE": "ten"}, "VINDROP_RATE is 'ten': takes a number"),
        ({"VINDROP_RATE": "0"}, "takes a number > 0"),
        ({"VINDROP_BURST": "0"}, "VINDROP_BURST is '0': takes a whole number >= 1"),
        ({"VINDROP_BURST": "1001"}, "takes a whole number <= 1000"),
        ({"VINDROP_IMAGE": "both"}, "VINDROP_IMAGE is 'both': takes one of auto, url, bytes"),
        ({"VINDROP_CONCURRENCY": "33"}, "takes a whole number <= 32"),
        ({"VINDROP_ACCOUNT": "a b"}, "VINDROP_ACCOUNT"),
        ({"VINDROP_VINOCR_ENDPOINT": "http://host/path"}, "without a path"),
        ({"VINDROP_VINOCR_ENDPOINT": "ftp://host"}, "host:port"),
        ({"VINDROP_VINOCR_ENDPOINT": "http://host:99999"}, "host:port"),
    ],
)
def test_one_sentence_for_what_is_wrong(change: dict[str, str], says: str) -> None:
    with pytest.raises(SettingsError) as error:
        settings.load(GOOD | change)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "around", [" ", "\n", "\r\n", "\t", "\ufeff", "\xa0", "\u200b", "\x00", "\u3000"]
)
def test_what_a_copy_brings_along_is_cut_off(around: str) -> None:
    found = settings.load(
        {name: f"{around}{value}{around}" for name, value in GOOD.items()}
        | {
            "VINDROP_VINOCR_SECRET_ID": f"{around}AKIDx{around}",
            "VINDROP_VINOCR_SECRET_KEY": f"secret{around}",
            "VINDROP_VINOCR_REGION": f"ap-guangzhou{around}",
            "VINDROP_UPLOAD_REGION": f"{around}ap-guangzhou",
            "VINDROP_UPLOAD_BUCKET": f"photos-125{around}",
            "VINDROP_API_KEYS": f"{around}0123456789,abcdefghij{around}",
            "VINDROP_RATE": f"{around}5{around}",
            "VINDROP_VINOCR_ENDPOINT": f"http://127.0.0.1:9{around}",
        }
    )
    assert found.ledger == GOOD["VINDROP_LEDGER"]
    assert found.vinocr_secret_id.get_secret_value() == "AKIDx"
    assert found.vinocr_secret_key.get_secret_value() == "secret"
    assert (found.vinocr_region, found.upload_region) == ("ap-guangzhou", "ap-guangzhou")
    assert found.upload_bucket == "photos-125"
    assert [key.get_secret_value() for key in found.api_keys] == ["0123456789", "abcdefghij"]
    assert (found.rate, found.vinocr_host) == (5, "127.0.0.1:9")


KEYS = {"VINDROP_VINOCR_SECRET_ID": "AKIDx", "VINDROP_VINOCR_SECRET_KEY": "PLANTED"}


@pytest.mark.parametrize(
    ("change", "names"),
    [
        *(
            ({**KEYS, name: f"PLANTED{inside}PLANTED"}, name)
            for name in KEYS
            for inside in (" ", "\n", "\t", "\ufeff", "\xa0", "é", "密", "\x07", "’")
        ),
        *(({**KEYS, name: f"{mark}PLANTED{mark}"}, name) for name in KEYS for mark in "\"'"),
        *(({**KEYS, name: ""}, name) for name in KEYS),
        *(({**KEYS, name: "  "}, name) for name in KEYS),
        ({"VINDROP_API_KEYS": "k"}, "VINDROP_API_KEYS"),
        ({"VINDROP_API_KEYS": "longenough PLANTED"}, "VINDROP_API_KEYS"),
        ({"VINDROP_API_KEYS": "PLANTEDé-PLANTED"}, "VINDROP_API_KEYS"),
        ({"VINDROP_API_KEYS": " , "}, "VINDROP_API_KEYS"),
        *(
            ({"VINDROP_API_KEYS": f"{beside}:PLANTED-PLANTED"}, "VINDROP_API_KEYS")
            for beside in ("bob:root", "bob:Admin", "admin:bob", "bob@x.example:reviewer")
        ),
        *(
            ({name: f"{scheme}u:PLANTED@h{port}"}, name)
            for name in ("VINDROP_STORAGE_ENDPOINT", "VINDROP_VINOCR_ENDPOINT")
            for scheme in ("http://", "https://", "")
            for port in ("", ":9000", "/path")
            if scheme or name == "VINDROP_VINOCR_ENDPOINT"
        ),
        ({"VINDROP_VINOCR_ENDPOINT": "h:1:2"}, "VINDROP_VINOCR_ENDPOINT"),
        ({"VINDROP_ALLOWED_BUCKETS": " "}, "VINDROP_ALLOWED_BUCKETS"),
        ({"VINDROP_ALLOWED_BUCKETS": ","}, "VINDROP_ALLOWED_BUCKETS"),
        ({"VINDROP_ALLOWED_BUCKETS": "\ufeff"}, "VINDROP_ALLOWED_BUCKETS"),
        ({"VINDROP_ALLOWED_BUCKETS": "photos- 1250000000"}, "VINDROP_ALLOWED_BUCKETS"),
        ({"VINDROP_ALLOWED_BUCKETS": "cos://photos-125"}, "VINDROP_ALLOWED_BUCKETS"),
        ({"VINDROP_UPLOAD_BUCKET": "photos-125/x"}, "VINDROP_UPLOAD_BUCKET"),
        ({"VINDROP_KEY_PREFIXES": " "}, "VINDROP_KEY_PREFIXES"),
        ({"VINDROP_RATE": " "}, "VINDROP_RATE"),
        *(
            ({"VINDROP_CORS_ORIGINS": origin}, "VINDROP_CORS_ORIGINS")
            for origin in (
                *("example.com", "ftp://example.com", "https://example.com/page", "https://"),
                *(
                    "//example.com",
                    "https://u@example.com",
                    "https://exämple.com",
                    "null",
                    "*.x.com",
                    "https://*.x.com",
                    "https://h..x",
                ),
                *("https://h:99999", "https://h:x", "https://h?x", "https://a.com example.com"),
            )
        ),
        *(
            ({"VINDROP_STORAGE_ENDPOINT": endpoint}, "VINDROP_STORAGE_ENDPOINT")
            for endpoint in ("foo", "foo:9000", "ftp://foo", "http://", "http://h/path")
        ),
        *(
            ({name: region}, name)
            for name in ("VINDROP_VINOCR_REGION", "VINDROP_UPLOAD_REGION")
            for region in (
                "ap guangzhou",
                "ap-guangzhou\nx",
                "ap-guangzhou.",
                "https://x",
                "é",
                "a/b",
            )
        ),
    ],
)
def test_what_passed_in_silence_is_one_sentence(change: dict[str, str], names: str) -> None:
    with pytest.raises(SettingsError) as error:
        settings.load(GOOD | change)
    assert names in str(error.value)
    assert "PLANTED" not in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        {"VINDROP_CORS_ORIGINS": "*"},
        {"VINDROP_CORS_ORIGINS": "https://example.com http://localhost:3000, https://a.b.c:8443"},
        {"VINDROP_STORAGE_ENDPOINT": "http://127.0.0.1:9000"},
        {"VINDROP_STORAGE_ENDPOINT": "https://minio.internal"},
        {"VINDROP_API_KEYS": "12345678"},
        {"VINDROP_API_KEYS": "ab:12:45678 a::bcdefgh bob:admin:bcdefghi"},
        {"VINDROP_CORS_ORIGINS": "https://[::1]:8080 http://a-b.x:80 http://localhost"},
        {"VINDROP_ALLOWED_BUCKETS": "photos-1250000000, my.photos b_old"},
        {"VINDROP_ALLOWED_BUCKETS": ""},
        KEYS,
    ],
)
def test_what_is_right_still_passes(change: dict[str, str]) -> None:
    settings.load(GOOD | change)


def test_an_origin_with_a_slash_is_the_one_that_browsers_send() -> None:
    found = settings.load(GOOD | {"VINDROP_CORS_ORIGINS": "https://example.com/"})
    assert found.cors_origins == ("https://example.com",)


def test_secrets_show_neither_in_errors_nor_in_print() -> None:
    found = settings.load(
        GOOD
        | {"VINDROP_VINOCR_SECRET_ID": "AKIDPLANTED", "VINDROP_VINOCR_SECRET_KEY": "PLANTED"}
        | {"VINDROP_API_KEYS": "PLANTED-KEY"}
    )
    assert "PLANTED" not in repr(found)
    with pytest.raises(SettingsError) as error:
        settings.load(GOOD | {"VINDROP_RATE": "x", "VINDROP_LEDGER": "postgresql://u:PLANTED@h/d"})
    assert "PLANTED" not in str(error.value)


def test_names_of_version_0_1_are_accepted_with_one_warning(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "_warned", set[str]())
    old = GOOD | {"VINDROP_QUOTA": "memory", "VINDROP_PARK_SECONDS": "7"}
    for _ in range(2):
        found = settings.load(old)
        assert (found.rate_limiter, found.retry_seconds) == ("memory", 7)
    written = capsys.readouterr()
    lines = [line for line in (written.out + written.err).splitlines() if "setting_renamed" in line]
    assert len(lines) == 2
    assert "VINDROP_RATE_LIMITER" in lines[0]
    assert "VINDROP_RETRY_SECONDS" in lines[1]
    new = settings.load(old | {"VINDROP_RATE_LIMITER": "redis://h"})
    assert new.rate_limiter == "redis://h"  # where both are set, the new name counts
