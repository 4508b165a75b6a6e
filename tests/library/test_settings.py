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
