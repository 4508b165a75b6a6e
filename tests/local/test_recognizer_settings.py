"""What the command line hands on of a cascade: its settings and keys, and nothing else of the environment."""

from __future__ import annotations

import pytest

from vindrop_local.errors import UserError
from vindrop_local.recognizer_settings import of_cascade


def test_the_cascades_settings_and_the_keys_that_it_names_go_along() -> None:
    given = {
        "VINDROP_RECOGNIZERS": "own=http://h?keys=OWN cloud=ocr.tencentcloudapi.com",
        "VINDROP_CASCADE": "agree",
        "VINDROP_SURE": "",
        "VINDROP_RESULTS": "sqlite:///other.db",
        "OWN_SECRET_ID": "AKIDOWN",
        "OWN_SECRET_KEY": "own-key",
        "OTHER_SECRET_KEY": "not named",
    }
    assert of_cascade(given) == {
        "VINDROP_RECOGNIZERS": given["VINDROP_RECOGNIZERS"],
        "VINDROP_CASCADE": "agree",
        "OWN_SECRET_ID": "AKIDOWN",
        "OWN_SECRET_KEY": "own-key",
    }


def test_without_recognizers_nothing_goes_along() -> None:
    given = {"VINDROP_VINOCR_SECRET_ID": "id", "VINDROP_CASCADE": "first_sure"}
    assert of_cascade({**given, "VINDROP_RECOGNIZERS": " "}) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VINDROP_CASCADE", "agree"),
        ("VINDROP_RECOGNIZER_KEYS", "own=id:PLANTED-secret"),
        ("VINDROP_SURE", "0.5"),
        ("VINDROP_CASCADE_WAIT", "5"),
    ],
)
def test_what_only_several_recognizers_heed_is_one_sentence(name: str, value: str) -> None:
    with pytest.raises(UserError, match=f"{name} is set, and VINDROP_RECOGNIZERS") as raised:
        of_cascade({name: value})
    assert "PLANTED" not in str(raised.value)


def test_what_cannot_be_read_is_left_to_the_settings_to_name() -> None:
    assert of_cascade({"VINDROP_RECOGNIZERS": "nonsense"}) == {"VINDROP_RECOGNIZERS": "nonsense"}
