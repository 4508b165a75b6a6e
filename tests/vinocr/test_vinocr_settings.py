"""Settings: each is taken as given, and a wrong one ends the start with one sentence."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from tests.vinocr.vinocr_support import ID, KEY
from vinocr import settings
from vinocr.api.codes import Language
from vinocr.api.reloaded_file import SettingsError

ONE = {"VINOCR_SECRET_ID": ID, "VINOCR_SECRET_KEY": KEY}


def load(environment: dict[str, str], **given: str) -> settings.Settings:
    with mock.patch.dict(os.environ, environment, clear=True):
        return settings.load(**given)


def test_defaults() -> None:
    chosen = load(ONE)
    assert (chosen.rate, chosen.max_base64, chosen.url_seconds) == (10, 7 * 1024 * 1024, 3.0)
    assert chosen.host == "127.0.0.1", "nobody else's machine reaches it unless told to"
    assert chosen.faults is None
    assert chosen.url_allow == ()


def test_values() -> None:
    chosen = load(
        {
            **ONE,
            "VINOCR_PORT": "0",
            "VINOCR_MAX_BASE64_MB": "10",
            "VINOCR_URL_ALLOW": "127.0.0.1:9001, 10.0.0.0/8",
            "VINOCR_LANGUAGE": "zh-CN",
            "VINOCR_OFFLINE": " true ",
            "VINOCR_OPERATORS": "none",
            "VINOCR_WORKERS": "",
            "OTHER": "ignored",
        },
        port="8080",
    )
    assert chosen.port == 8080, "the command line goes before the environment"
    assert chosen.max_base64 == 10 * 1024 * 1024
    assert chosen.url_allow == ("127.0.0.1:9001", "10.0.0.0/8")
    assert chosen.language is Language.CHINESE
    assert chosen.offline
    assert chosen.operators == ()
    assert chosen.workers == 1


TOML = """
[[accounts]]
uin = "100"
state = "in_arrears"
[[accounts.keys]]
secret_id = "AKIDone"
secret_key = "k"
token = "t"
expires = 2026-12-01T00:00:00Z
"""


@pytest.mark.skipif(sys.version_info < (3, 11), reason="TOML needs Python 3.11")
def test_accounts_in_toml(tmp_path: Path) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text(TOML)
    account, key = load({"VINOCR_ACCOUNTS": str(file)}).known_accounts.find("AKIDone") or (
        None,
        None,
    )
    assert account is not None
    assert key is not None
    assert (account.uin, account.state) == ("100", "in_arrears")
    assert key.expires is not None


def test_a_settings_object_shows_no_secret() -> None:
    chosen = load(ONE)
    assert KEY not in repr(chosen)
    assert KEY not in repr(chosen.known_accounts)


WRONG = [
    ({}, "nobody could call"),
    ({"VINOCR_SECRET_ID": ID}, "nobody could call"),
    ({**ONE, "VINOCR_PORT": "http"}, "VINOCR_PORT must be a whole number"),
    ({**ONE, "VINOCR_PORT": "70000"}, "from 0 to 65535"),
    ({**ONE, "VINOCR_RATE": "0"}, "VINOCR_RATE must be at least 1"),
    ({**ONE, "VINOCR_MAX_BASE64_MB": "nan"}, "VINOCR_MAX_BASE64_MB"),
    ({**ONE, "VINOCR_LANGUAGE": "fr"}, "en-US or zh-CN"),
    ({**ONE, "VINOCR_OFFLINE": "maybe"}, "true or false"),
    ({**ONE, "VINOCR_WORKER": "2"}, "VINOCR_WORKER is not a setting"),
    ({**ONE, "VINOCR_URL_ALLOW": "host:port"}, "VINOCR_URL_ALLOW"),
    ({**ONE, "VINOCR_OPERATORS": "everybody"}, "VINOCR_OPERATORS"),
    ({**ONE, "VINOCR_TLS_CERT": "/nowhere/cert.pem"}, "go together"),
    ({**ONE, "VINOCR_ACCOUNTS": "/nowhere"}, "not both"),
    ({"VINOCR_ACCOUNTS": "/nowhere/accounts.json"}, "cannot be read"),
    ({**ONE, "VINOCR_FAULTS": "/nowhere/faults.json"}, "is not there"),
    ({"VINOCR_SECRET_ID": "with space", "VINOCR_SECRET_KEY": KEY}, "secret_id"),
]


@pytest.mark.parametrize(("environment", "words"), WRONG)
def test_wrong_settings(environment: dict[str, str], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(environment)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert KEY not in str(caught.value)


def test_faults_are_for_this_machine_only(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text('{"faults": []}')
    load({**ONE, "VINOCR_FAULTS": str(file), "VINOCR_HOST": "127.0.0.1"})
    for host in ("0.0.0.0", "::", "192.0.2.1", "example.com"):
        with pytest.raises(SettingsError, match=r"listen on 127\.0\.0\.1"):
            load({**ONE, "VINOCR_FAULTS": str(file), "VINOCR_HOST": host})


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vinocr", *arguments],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {**ONE, "VINOCR_HOST": "192.0.2.7", "VINOCR_PORT": "0"},
        {**ONE, "VINOCR_TLS_CERT": __file__, "VINOCR_TLS_KEY": __file__, "VINOCR_PORT": "0"},
    ],
)
def test_a_wrong_start_ends_with_2_and_a_sentence(environment: dict[str, str]) -> None:
    ended = run(**environment)
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("vinocr: ")
    assert ended.stderr.count("\n") == 1
    assert "Traceback" not in ended.stderr


def test_help_names_every_setting() -> None:
    text = run("--help").stdout
    for name in settings.Settings.model_fields:
        assert f"VINOCR_{name.upper()}" in text


def test_check() -> None:
    assert run("--check", **ONE).returncode == 0
    assert run("--check", "--port", "x", **ONE).returncode == 2
