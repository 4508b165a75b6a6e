"""How a store's URL is refused: in one sentence that says what to do, and quotes no part of a password."""

from __future__ import annotations

import random
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vindrop.core.store_errors import StoreError, StoreSettingError, scheme_of
from vindrop.core.store_url import parse, shown, without
from vindrop.destinations import open_destination
from vindrop.stores import open_ledger, open_rate_limiter

SPECIAL = "@:/#?%[] &=+\\\"'<>|^`{}~$!*(),;\t\n"
TEMPLATES = [
    "redis://:{}@127.0.0.1:1/0?stream=x",
    "rediss://user:{}@127.0.0.1:1/0",
    "amqp://u:{}@127.0.0.1:1/vh?queue=q",
    "amqps://u:{}@127.0.0.1:1/%2F?exchange=e",
    "kafka://u:{}@127.0.0.1:1/t?security=sasl_plaintext&timeout_seconds=0.01",
    "kafka://u:x@127.0.0.1:1,{}/t",
    "mysql://owner:{}@127.0.0.1:1/vin",
    "mariadb://owner:{}@127.0.0.1:1/vin?timeout_seconds=1",
    "postgresql://owner:{}@127.0.0.1:1/vin",
    "postgres://owner:{}@127.0.0.1:1/vin?sslmode=disable",
    "sqlite://owner:{}@127.0.0.1/vin",
    "file://owner:{}@127.0.0.1/vin",
    "sqs://{}@us-east-1/q",
    "dynamodb://u:{}@us-east-1/prefix",
    "cmq-queue://u:{}@ap-guangzhou/q",
    "tencent-eventbridge://u:{}@ap-guangzhou/q",
    "nothing://u:{}@127.0.0.1/q",
    "{}",
]
OPENERS: dict[str, Callable[[str], object]] = {
    "VINDROP_RESULTS": lambda url: open_destination(url, {}),
    "VINDROP_LEDGER": lambda url: open_ledger(url, account="a", environment={}),
    "VINDROP_RATE_LIMITER": lambda url: open_rate_limiter(
        url, account="a", rate=10, environment={}
    ),
}


def told(opener: Callable[[str], object], url: str) -> str:
    """What is said of ``url``; any other exception than the two is a defect."""
    try:
        opener(url)
    except (StoreError, StoreSettingError) as error:
        return f"{error} {error.__cause__ or ''}".strip()
    return ""


def parts(password: str) -> set[str]:
    return {password[at : at + 3] for at in range(len(password) - 2)}


def passwords(count: int, *, seed: int) -> list[str]:
    """Passwords in which letters that no sentence of ours has stand among special characters."""
    dice = random.Random(seed)
    letters = "QXZJqxzj7539"
    return [
        "".join(
            dice.choice(SPECIAL) if dice.random() < 0.4 else dice.choice(letters)
            for _ in range(dice.randint(6, 14))
        )
        for _ in range(count)
    ]


@pytest.mark.parametrize("template", TEMPLATES)
def test_no_part_of_a_password_is_in_what_is_said(template: str) -> None:
    for password in passwords(60, seed=len(template)):
        url = template.format(password)
        for opener in OPENERS.values():
            said = told(opener, url)
            # Our own list of what to encode is no part of anyone's password.
            heard = said.replace("@ : / # ? % [ ]", "")
            found = [part for part in parts(password) if part in heard and part.strip(SPECIAL)]
            assert not found, (url, said)
            assert "\n" not in said


@pytest.mark.parametrize("character", "/?#[] ")
@pytest.mark.parametrize("scheme", ["redis", "amqp", "kafka", "mysql", "postgresql"])
def test_a_character_that_is_not_encoded_is_named_with_what_to_do(
    scheme: str, character: str
) -> None:
    tail = {"redis": "0?stream=x", "amqp": "v?queue=q"}.get(scheme, "vin")
    url = f"{scheme}://owner:SECRE{character}TPW@127.0.0.1:1/{tail}"
    if scheme == "postgresql" and character in "?#[]":
        assert parse(url, None).password == f"SECRE{character}TPW"  # as libpq reads it
        return
    said = told(OPENERS["VINDROP_RESULTS"], url)
    assert "percent-encode" in said
    assert "VINDROP_RESULTS" in said
    assert "VINDROP_DEAD_LETTERS" in said


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("VINDROP_LEDGER", "mysql://owner:SECRE/TPW@127.0.0.1:1/vin"),
        ("VINDROP_LEDGER", "postgresql://owner:SECRE@TPW@127.0.0.1:1/vin"),
        ("VINDROP_LEDGER", "postgresql://owner:SECRE%TPW@127.0.0.1:1/vin"),
        ("VINDROP_LEDGER", "postgresql://owner:SECRE TPW@127.0.0.1:1/vin"),
        ("VINDROP_RATE_LIMITER", "redis://:SECRE#TPW@127.0.0.1:1/0"),
        ("VINDROP_RATE_LIMITER", "redis://:SECRETPW/0"),
        ("VINDROP_LEDGER", "mysql://owner:ab@SECRE/TPW@127.0.0.1/vin"),
        ("VINDROP_LEDGER", "mysql://owner:ab?SECRE=TPW@127.0.0.1/vin"),
    ],
)
def test_the_variable_is_named(name: str, url: str) -> None:
    said = told(OPENERS[name], url)
    assert said.startswith(name)
    assert "percent-encode @ : / # ?" in said
    assert "SECRE" not in said
    assert "TPW" not in said


def test_a_file_that_is_not_there_is_said_at_the_start() -> None:
    said = told(OPENERS["VINDROP_LEDGER"], "mysql://owner:pw@127.0.0.1:1/vin?ssl_ca=/no/such")
    assert "ssl_ca" in said


@given(
    st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufeff\u200b")),
    st.sampled_from(["redis", "amqp", "mysql", "kafka", "postgresql"]),
)
@settings(max_examples=200, deadline=None)
def test_what_is_percent_encoded_comes_out_as_it_was(password: str, scheme: str) -> None:
    if any(each in password for each in "\u2028\u2029"):
        return
    found = parse(f"{scheme}://u:{quote(password, safe='')}@host:1/name")
    assert (found.user, found.password, found.hosts, found.path) == (
        "u",
        password,
        "host:1",
        "name",
    )


@pytest.mark.parametrize("scheme", ["redis", "mysql", "amqp", "kafka"])
@pytest.mark.parametrize("password", ["a:b", "a@b", "100%sure", "a@b:c@d"])
def test_what_version_0_1_read_is_read_as_before(scheme: str, password: str) -> None:
    found = parse(f"{scheme}://u:{password}@host:1/name")
    assert (found.password, found.hosts) == (password, "host:1")


def test_a_query_may_hold_an_at_sign() -> None:
    assert parse("redis://host/0?stream=a@b", ("stream",)).options == {"stream": "a@b"}


@pytest.mark.parametrize("around", ["\n", "\ufeff", " ", "\r\n", "\t"])
@pytest.mark.parametrize("url", ["sqlite:///{folder}/a.db", "file:///{folder}/a.jsonl"])
def test_blanks_around_a_url_are_cut(
    around: str, url: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("blank")
    open_destination(f"{around}{url.format(folder=folder)}{around}", {})


@pytest.mark.parametrize(
    "url",
    [
        "sqs://us-east-1%0A/queue",
        "sqs://us east-1/queue",
        "sqs://us-east-1/que%0Aue",
        "sqs://us-east-1/que%EF%BB%BFue",
        "dynamodb://US_EAST/prefix",
        "cmq-queue://ap-guangzhou%20/queue",
        "cmq-queue://ap.guangzhou/queue",
        "mysql://owner:pw%0A@127.0.0.1/vin",
        "redis://:pw%00@127.0.0.1/0",
        "postgresql://owner:pw%0D%0A@127.0.0.1/vin",
        "amqp://own%0Aer:pw@127.0.0.1/v?queue=q",
        "kafka://u:p%EF%BB%BFw@127.0.0.1:9092/t",
    ],
)
def test_what_cannot_be_seen_is_refused_at_the_start(url: str) -> None:
    with pytest.raises(StoreSettingError) as error:
        open_destination(url, {})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["AWS_REGION", "TENCENTCLOUD_REGION"])
def test_blanks_around_a_region_of_the_environment_are_cut(name: str) -> None:
    url = "sqs:///arn:aws:sqs::1:q" if name == "AWS_REGION" else "cmq-queue:///q"
    region = "us-east-1" if name == "AWS_REGION" else "ap-guangzhou"
    open_destination(url, {name: f" \ufeff{region}\n"})


def test_what_is_shown_of_a_url_holds_no_password() -> None:
    assert shown("mysql://u:SECRETPW@host:1/db?x=y") == "mysql://host:1/db"
    for url in ("mysql://u:SECRE/TPW@host/db", "redis://:SECRE#TPW@host/0", "SECRETPW"):
        assert "SECRE" not in shown(url)
        assert "TPW" not in shown(url)


def test_small_parts() -> None:
    assert scheme_of("\ufeff MySQL://x") == "mysql"
    assert scheme_of("no url") == ""
    assert without("postgresql://u:a?b@h/d?x=1&timeout_seconds=3&y=2", "timeout_seconds") == (
        "postgresql://u:a?b@h/d?x=1&y=2"
    )
    assert without("postgresql://h/d?timeout_seconds=3", "timeout_seconds") == "postgresql://h/d?"
    assert parse("redis://[::1]:6379/0").address == ("::1", 6379)
