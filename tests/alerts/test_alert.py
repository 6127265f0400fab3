"""Severities, the event data of the contract, and an alert's way through JSON."""

from itertools import pairwise, permutations
from typing import Any

import orjson
import pytest

from custom_components.care_alerts.alerts.alert import Alert, AlertState, Severity, in_order

from .build import alert


def test_severities_are_ranked_from_low_to_high() -> None:
    ranks = [severity.rank for severity in (Severity.LOW, Severity.MEDIUM, Severity.HIGH)]

    assert all(lower < higher for lower, higher in pairwise(ranks))


def test_event_data_are_those_of_the_contract() -> None:
    one = alert(
        "a", 3, received=8, subtype="too_fast", late=True, details={"current_weight_kg": 78.4}
    )

    assert one.as_event(episode_id="an episode") == {
        "alert_id": "a",
        "episode_id": "an episode",
        "source": "lumen",
        "alert_type": "weight",
        "subtype": "too_fast",
        "severity": "high",
        "state": "active",
        "observed_at": "2026-05-01T03:00:00+00:00",
        "received_at": "2026-05-01T08:00:00+00:00",
        "late": True,
        "redelivered": False,
        "drill": False,
        "details": {"current_weight_kg": 78.4},
    }
    assert one.as_event(redelivered=True) == one.as_event() | {"redelivered": True}


def test_an_alert_comes_back_from_json_as_it_was() -> None:
    one = alert(
        "a",
        1.5,
        received=2.25,
        subtype=None,
        severity=Severity.MEDIUM,
        state=AlertState.SNOOZED,
        drill=True,
        device=("phone", ""),
        details={"nested": {"list": [1, None, "two"]}},
    )

    assert Alert.from_dict(orjson.loads(orjson.dumps(one))) == one


@pytest.mark.parametrize("ids", [*permutations("abcd")])
def test_alerts_of_one_instant_go_by_what_they_say_however_their_ids_are_spelled(
    ids: tuple[str, ...],
) -> None:
    told: list[dict[str, Any]] = [
        {"state": AlertState.ACTIVE, "device": ("phone",)},
        {"state": AlertState.ACTIVE, "device": ("receiver",)},
        {"state": AlertState.SNOOZED},
        {"state": AlertState.ENDED},
    ]
    alerts = [alert(alert_id, 2, **more) for alert_id, more in zip(ids, told, strict=True)]
    backwards = alerts[::-1]
    assert sorted(backwards, key=in_order) == alerts


def test_alerts_of_one_instant_go_by_their_subtype_before_the_device() -> None:
    alerts = [
        alert("c", 2, device=("z",)),
        alert("b", 2, subtype="too_fast", device=("y",)),
        alert("a", 2, subtype="too_slow", device=("x",)),
    ]
    backwards = alerts[::-1]
    assert sorted(backwards, key=in_order) == alerts


def test_order_is_by_time_and_then_by_id_whatever_order_they_came_in() -> None:
    early, b, c = alert("z", 1), alert("b", 2), alert("c", 2, received=1)

    assert sorted([c, early, b], key=in_order) == [early, b, c]
