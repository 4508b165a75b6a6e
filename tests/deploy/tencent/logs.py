# ruff: noqa: N802  # methods are named as the actions of the API are
"""Log sets, topics and alarms: CLS."""

from __future__ import annotations

from typing import Any

from tests.deploy.tencent.state import State


class CLS:
    def __init__(self, state: State) -> None:
        self._state = state

    def _find(self, kind: str, key: str, given: dict[str, Any]) -> list[dict[str, Any]]:
        wanted = [value for f in given["Filters"] for value in f["Values"]]
        return [one for one in self._state.of(kind).values() if any(w in one[key] for w in wanted)]

    def DescribeLogsets(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"Logsets": self._find("logset", "LogsetName", given)}

    def DescribeTopics(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"Topics": self._find("topic", "TopicName", given)}

    def DescribeAlarms(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"Alarms": self._find("alarm", "Name", given)}

    def CreateLogset(self, given: dict[str, Any]) -> dict[str, Any]:
        self._state.of("logset")["logset-1"] = {**given, "LogsetId": "logset-1"}
        return {"LogsetId": "logset-1"}

    def CreateTopic(self, given: dict[str, Any]) -> dict[str, Any]:
        self._state.of("topic")["topic-1"] = {**given, "TopicId": "topic-1"}
        return {"TopicId": "topic-1"}

    def ModifyTopic(self, given: dict[str, Any]) -> dict[str, Any]:
        self._state.of("topic")[given["TopicId"]].update(given)
        return {}

    def CreateIndex(self, given: dict[str, Any]) -> dict[str, Any]:
        assert given["TopicId"] in self._state.of("topic")
        return {}

    def CreateAlarm(self, given: dict[str, Any]) -> dict[str, Any]:
        number = f"alarm-{len(self._state.of('alarm')) + 1}"
        self._state.of("alarm")[number] = {**given, "AlarmId": number}
        return {"AlarmId": number}

    def ModifyAlarm(self, given: dict[str, Any]) -> dict[str, Any]:
        self._state.of("alarm")[given["AlarmId"]].update(given)
        return {}

    def DeleteAlarm(self, given: dict[str, Any]) -> dict[str, Any]:
        self._state.of("alarm").pop(given["AlarmId"])
        return {}

    def DeleteTopic(self, given: dict[str, Any]) -> dict[str, Any]:
        self._state.of("topic").pop(given["TopicId"])
        return {}

    def DeleteLogset(self, given: dict[str, Any]) -> dict[str, Any]:
        self._state.of("logset").pop(given["LogsetId"])
        return {}
