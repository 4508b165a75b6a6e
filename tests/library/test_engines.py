"""`VINDROP_RECOGNIZERS`: both forms, what is refused, and that no key is ever quoted."""

from __future__ import annotations

import json

import pytest

from vindrop import settings as settings_module
from vindrop.clouds import Credentials
from vindrop.core.rate_limiter import Permit
from vindrop.core.store_errors import StoreSettingError
from vindrop.domain import engines, sureness
from vindrop.domain.failures import FailureError
from vindrop.domain.vin import parse
from vindrop.recognizers.engines import open_engines, settings_of
from vindrop.recognizers.vinocr import VinOCR
from vindrop.settings import Settings, SettingsError
from vindrop.stores.ledger.none import NoLedger

WORDS = (
    "own=http://vinocr.internal:9000?price=0&rate=0 "
    "cloud=https://ocr.tencentcloudapi.com?price=0.02&rate=10&burst=2&daily_calls=100&timeout=8"
)
JSON = json.dumps(
    [
        {"name": "own", "endpoint": "http://vinocr.internal:9000", "price": 0, "rate": 0},
        {"name": "cloud", "endpoint": "https://ocr.tencentcloudapi.com", "price": 0.02, "rate": 10,
         "burst": 2, "daily_calls": 100, "timeout": 8},
    ]
)  # fmt: skip
OWN_KEYS = "own=AKIDOWN:own-secret-key"
PLANTED = "PLANTED-secret-never-quoted"


def load(**given: str) -> Settings:
    return settings_module.load(
        {
            "VINDROP_RESULTS": "file:///dev/null",
            "VINDROP_DEAD_LETTERS": "file:///dev/null",
            "VINDROP_LEDGER": "none",
            **{f"VINDROP_{name.upper()}": value for name, value in given.items()},
        }
    )


def test_both_forms_say_the_same() -> None:
    assert engines.parse(WORDS) == engines.parse(JSON)
    own, cloud = engines.parse(WORDS.replace(" ", " ,\n"))
    assert (own.name, own.endpoint, own.price, own.rate) == (
        "own", "http://vinocr.internal:9000", 0.0, 0.0,
    )  # fmt: skip
    assert (cloud.burst, cloud.daily_calls, cloud.timeout) == (2, 100, 8.0)
    assert (own.is_tencents, cloud.is_tencents) == (False, True)


def test_each_has_the_general_settings_with_its_own_in_their_place() -> None:
    general = load(recognizers=WORDS, recognizer_keys=OWN_KEYS, vinocr_timeout="15", account="shop")
    own, cloud = (settings_of(each, general) for each in engines.parse(WORDS))
    assert (own.rate, own.vinocr_timeout, own.account, own.vinocr_host) == (
        0, 15, "shop.own", "vinocr.internal:9000",
    )  # fmt: skip
    assert (cloud.rate, cloud.burst, cloud.vinocr_timeout, cloud.price_per_call) == (10, 2, 8, 0.02)
    capped = load(recognizers=WORDS, recognizer_keys=OWN_KEYS, daily_calls="50")
    free, paid, here = (
        settings_of(each, capped)
        for each in engines.parse(
            "own=http://h?price=0 cloud=ocr.tencentcloudapi.com in=inprocess:"
        )
    )
    assert (free.daily_calls, paid.daily_calls, here.daily_calls) == (0, 50, 0)
    (named,) = engines.parse("cloud=ocr.tencentcloudapi.com?account=shop")
    assert settings_of(named, general).account == "shop", "the state of before goes on"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http://vinocr:9000", "name=url"),
        ("own", "name=url"),
        ("own=", "no address"),
        ("own=ftp://h", "no address"),
        ("own=http://h/path", "no address"),
        ("own=http://user:PLANTED-secret-never-quoted@h", "no address"),
        ("own=http://h:99999", "no address"),
        ("Own=http://h", "called 'Own'"),
        ("own=http://h own=http://i", "twice"),
        ("own=http://h?rate=1&rate=2", "twice"),
        ("own=http://h?rate=fast", "rate of 'own'"),
        ("own=http://h?rate=-1", "rate of 'own'"),
        ("own=http://h?rate=nan", "rate of 'own'"),
        ("own=http://h?timeout=61", "timeout of 'own'"),
        ("own=http://h?burst=1.5", "whole number"),
        ("own=http://h?image=paper", "image of 'own' that is none: it takes auto"),
        ("own=http://h?unconfirmed=yes", "unconfirmed of 'own' that is none: it takes dead_letter"),
        ("own=http://h?secret_key=PLANTED-secret-never-quoted", "option 'secret_key'"),
        ("own=http://h?account=PLANTED/secret-never-quoted", "account of 'own'"),
        ("own=http://h", "has no keys"),
        ('[{"name": "own"}]', "no address"),
        ('["own"]', "takes a list"),
        ("[", "begins as JSON"),
        ("[]", "names no recognizer"),
        (
            '[{"name": "own", "endpoint": "h", "rate": 1, "rate": 2}]',
            "RECOGNIZERS names an option twice",
        ),
        ('[{"name": "own", "endpoint": "h", "keys": null}]', "keys of 'own' that is none"),
        ('[{"name": "own", "endpoint": "h", "rate": true}]', "rate of 'own'"),
        ('[{"name": "own", "endpoint": "h", "burst": 1e999}]', "whole number"),
        ('[{"name": "own", "endpoint": "h", "daily_calls": 1e999}]', "whole number"),
        ('[{"name": "own", "endpoint": "h", "burst": 1.5}]', "whole number"),
        ("[" * 100_000, "nested too deeply"),
        ("own=http://h&price=0", "no address"),
        ("own=http://h;price=0", "no address"),
        ("own=http://h|x", "no address"),
    ],
)
def test_what_is_wrong_is_one_sentence_that_quotes_no_secret(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match="VINDROP_RECOGNIZERS") as raised:
        load(recognizers=text)
    assert says in str(raised.value)
    assert "PLANTED" not in str(raised.value)


@pytest.mark.parametrize(
    "keys",
    [
        f"own=id:{PLANTED} own=id:{PLANTED}",
        PLANTED,
        f"own={PLANTED}",
        f"own=:{PLANTED}",
        f"other=id:{PLANTED}",
        f"own='id:{PLANTED}'",
    ],
)
def test_keys_that_make_no_sense_are_not_quoted(keys: str) -> None:
    with pytest.raises(SettingsError, match="VINDROP_RECOGNIZER_KEYS") as raised:
        load(recognizers=WORDS, recognizer_keys=keys)
    assert PLANTED not in str(raised.value)
    assert PLANTED not in repr(load(recognizers=WORDS, recognizer_keys=f"own=id:{PLANTED}"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cascade", "agree"),
        ("cascade", "fallback"),
        ("recognizer_keys", f"own=id:{PLANTED}"),
        ("sure", "0.5"),
        ("cascade_wait", "0"),
    ],
)
def test_what_only_a_cascade_heeds_is_not_ignored_without_one(name: str, value: str) -> None:
    with pytest.raises(
        SettingsError, match=f"VINDROP_{name.upper()} .*VINDROP_RECOGNIZERS"
    ) as raised:
        load(**{name: value})
    assert PLANTED not in str(raised.value)
    load(
        cascade="first_sure", sure="0.97", cascade_wait="3600"
    )  # a template's defaults change nothing


def test_agree_needs_two() -> None:
    with pytest.raises(SettingsError, match="two must agree"):
        load(recognizers="cloud=ocr.tencentcloudapi.com", cascade="agree")


@pytest.mark.parametrize(
    "text",
    [
        "own=ocr.tencentcloudapi.com cloud=https://OCR.tencentcloudapi.com:443/",
        "own=inprocess: other=inprocess:",
        "own=http://h cloud=ocr.tencentcloudapi.com again=http://h:80",
    ],
)
def test_no_recognizer_may_agree_with_itself(text: str) -> None:
    keys = "own=id:key again=id:key" if "again" in text else ""
    with pytest.raises(SettingsError, match="agrees with itself"):
        load(recognizers=text, recognizer_keys=keys, cascade="agree")
    load(recognizers=text, recognizer_keys=keys)  # elsewhere nothing is concluded from it


def test_an_account_that_no_store_holds_is_refused() -> None:
    with pytest.raises(SettingsError, match="64 characters"):
        load(recognizers="cloud=ocr.tencentcloudapi.com", account="a" * 60)


def credentials(text: str, environment: dict[str, str], **given: str) -> list[Credentials]:
    settings = load(recognizers=text, **given)
    opened = open_engines(settings, NoLedger(), environment)
    found = []
    for engine in opened:
        assert isinstance(engine.recognizer, VinOCR)
        found.append(engine.recognizer.credentials())
    return found


ROLE = {
    "TENCENTCLOUD_SECRETID": "AKIDROLE",
    "TENCENTCLOUD_SECRETKEY": "role-key",
    "TENCENTCLOUD_SESSIONTOKEN": "role-token",
}


def test_each_signs_with_its_own_keys_and_the_roles_token_stays_with_its_cloud() -> None:
    own, cloud = credentials(WORDS, ROLE, recognizer_keys=OWN_KEYS)
    assert (own.id, own.key, own.token) == ("AKIDOWN", "own-secret-key", None)
    assert (cloud.id, cloud.token) == ("AKIDROLE", "role-token")
    own, cloud = credentials(
        WORDS, ROLE, vinocr_secret_id="AKIDSET", vinocr_secret_key="set-key"
    )  # fmt: skip
    assert (own.id, cloud.id) == ("AKIDSET", "AKIDSET")


def test_keys_by_the_name_of_their_variables_are_read_at_every_call() -> None:
    environment = {"OWN_SECRET_ID": "AKID1", "OWN_SECRET_KEY": "k1"}
    settings = load(recognizers="own=http://h?keys=OWN")
    (engine,) = open_engines(settings, NoLedger(), environment)
    given = engine.recognizer.credentials  # type: ignore[attr-defined]
    assert given().id == "AKID1"
    environment["OWN_SECRET_ID"] = "AKID2"
    assert given().id == "AKID2"
    del environment["OWN_SECRET_KEY"]
    with pytest.raises(FailureError, match="OWN_SECRET_KEY"):
        given()


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"OWN_SECRET_ID": "AKID1"},
        {"OWN_SECRET_KEY": PLANTED},
        {"OWN_SECRET_ID": "AKID1", "OWN_SECRET_KEY": f"{PLANTED}é"},
        {"own_secret_id": "AKID1", "own_secret_key": PLANTED},
    ],
)
def test_variables_that_keys_names_and_nobody_set_are_one_sentence_at_the_start(
    environment: dict[str, str],
) -> None:
    settings = load(recognizers="own=http://h?keys=OWN")
    with pytest.raises(StoreSettingError, match=r"keys=OWN: .*OWN_SECRET_ID") as raised:
        open_engines(settings, NoLedger(), environment)
    assert PLANTED not in str(raised.value)


def test_a_rate_of_0_lets_every_call_start_until_the_recognizer_names_a_limit() -> None:
    own, cloud = open_engines(load(recognizers=WORDS, recognizer_keys=OWN_KEYS), NoLedger(), ROLE)
    waits = [own.rate_limiter.reserve(0.0) for _ in range(100)]
    assert set(waits) == {Permit(0.0)}
    own.rate_limiter.refused(5.0)
    later = own.rate_limiter.reserve(60.0)
    assert isinstance(later, Permit)
    assert later.wait > 0
    assert cloud.rate_limiter is not own.rate_limiter


@pytest.mark.parametrize(
    ("vin", "confidence", "sure"),
    [
        ("1M8GDM9AXKP042788", None, True),
        ("1M8GDM9AXKP042788", 0.97, True),
        ("1M8GDM9AXKP042788", 0.969, False),
        ("1M8GDM9AXKP042738", 1.0, False),
        ("WDD2131426L004847", None, False),
        ("WDD2131426L004848", None, False),
        ("WDD2131426L004848", 0.97, True),
        ("1M8GDM9AXKPO42788", 1.0, False),
    ],
    ids=[
        "law", "law, told and sure", "law, told and unsure", "check digit wrong",
        "holds where no law asks", "no check digit", "no check digit, told and sure", "corrected",
    ],
)  # fmt: skip
def test_what_is_sure(vin: str, confidence: float | None, sure: bool) -> None:
    assert sureness.is_sure(parse(vin), confidence, 0.97) is sure
