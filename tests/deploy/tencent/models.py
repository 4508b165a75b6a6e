# ruff: noqa: N818  # named as the API's own words are
"""A request's fields held against the official SDK's models: their names, and their kinds."""

from __future__ import annotations

import importlib
import re
import warnings
from typing import Any

VERSIONS = {
    "scf": "2018-04-16",
    "cam": "2019-01-16",
    "cls": "2020-10-16",
    "sts": "2018-08-13",
    "vpc": "2017-03-12",
    "cynosdb": "2019-01-07",
}
TOOLKIT_ADDS = {"DeployMode", "L5Enable", "DiskSize", "ShowTriggers"}
"""Fields that tencent-component-toolkit sends and the SDK's models do not know."""
_TYPE = re.compile(r":type (\w+): (.+)")


class Refused(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def held_against_model(service: str, action: str, given: dict[str, Any]) -> None:
    """Refuse a field that the SDK's model does not know, or of another kind than it says."""
    module = importlib.import_module(
        f"tencentcloud.{service}.v{VERSIONS[service].replace('-', '')}.models"
    )
    model = getattr(module, f"{action}Request", None)
    if model is None:
        raise Refused("InvalidAction", action)
    known = {name: value for name, value in given.items() if name not in TOOLKIT_ADDS}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            model()._deserialize(known)
        except Warning as error:
            raise Refused("UnknownParameter", str(error)) from None
    _kinds(module, model, known, action)


def _kinds(module: Any, model: Any, given: dict[str, Any], at: str) -> None:
    kinds = dict(_TYPE.findall(model.__init__.__doc__ or ""))
    for name, value in given.items():
        if name not in kinds:
            raise Refused("UnknownParameter", f"{at}.{name}")
        _kind(module, kinds[name].strip(), value, f"{at}.{name}")


def _kind(module: Any, kind: str, value: Any, at: str) -> None:
    if kind.startswith("list of "):
        if not isinstance(value, list):
            raise Refused("InvalidParameter", f"{at} is no list")
        for number, item in enumerate(value):
            _kind(module, kind.removeprefix("list of "), item, f"{at}.{number}")
        return
    kind = kind.removesuffix(" non-negative")
    simple: Any = {"str": str, "int": int, "bool": bool, "float": (int, float)}.get(kind)
    if simple is not None:
        if not isinstance(value, simple) or (kind == "int" and isinstance(value, bool)):
            raise Refused("InvalidParameter", f"{at} is no {kind}")
        return
    name = kind.rpartition(".")[2].strip("`") if kind.startswith(":class:") else kind
    if not isinstance(value, dict):
        raise Refused("InvalidParameter", f"{at} is no object")
    _kinds(module, getattr(module, name), value, at)
