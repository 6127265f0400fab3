"""What a voice answers, as sentences: the worst first, each with its time, and never that all is well."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from custom_components.care_alerts.alerts.nights import NIGHT_BEGINS, NIGHT_ENDS, night_of
from custom_components.care_alerts.responses.answers import Known, active_text, night_text
from custom_components.care_alerts.responses.wording import Wording

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("now", "begins", "ends"),
    [
        # In the night: until now.
        ("2026-05-04T02:30", "2026-05-03T22:00", "2026-05-04T02:30"),
        ("2026-05-04T07:59", "2026-05-03T22:00", "2026-05-04T07:59"),
        # After it, also in the evening: the one that is over.
        ("2026-05-04T09:00", "2026-05-03T22:00", "2026-05-04T08:00"),
        ("2026-05-04T23:30", "2026-05-03T22:00", "2026-05-04T08:00"),
        # The clock goes forward, and back.
        ("2026-03-29T09:00", "2026-03-28T22:00", "2026-03-29T08:00"),
        ("2026-10-25T09:00", "2026-10-24T22:00", "2026-10-25T08:00"),
    ],
)
def test_which_night_is_meant(now: str, begins: str, ends: str) -> None:
    found = night_of(_local(now), AMSTERDAM)
    assert found == (_local(begins), _local(ends))


def _local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).astimezone(UTC)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 # they get a zone
def test_a_night_is_before_now_and_not_longer_than_a_night(now: datetime) -> None:
    begins, ends = night_of(now, AMSTERDAM)
    assert begins < ends <= now < ends + DAY
    assert begins.astimezone(AMSTERDAM).time() == NIGHT_BEGINS
    assert ends == now or ends.astimezone(AMSTERDAM).time() == NIGHT_ENDS
    assert ends - begins <= timedelta(hours=11)


def test_of_nobody_nothing_is_said_to_be_well() -> None:
    assert active_text([], _wording()) == "answer_nobody_exposed"


def test_without_data_nothing_is_known() -> None:
    known = Known(person="Mila", source="Dexcom", trouble="Unreachable")
    assert active_text([known], _wording()) == (
        "answer_none_active Mila source_trouble_people Mila Unreachable answer_no_reach Mila Dexcom"
    )


def _keys(key: str, /, **placeholders: str) -> str:
    """A key instead of its sentence."""
    return " ".join([key, *placeholders.values()])


def _wording() -> Wording:
    return Wording(
        localize=_keys,
        now=datetime(2026, 5, 4, tzinfo=UTC),
        zone=AMSTERDAM,
    )


def test_a_night_without_anything_says_since_when_and_how_far_it_is_known() -> None:
    known = Known(person="Mila", source="Dexcom", trouble="Unreachable")
    said = night_text([known], _wording(), datetime(2026, 5, 3, 20, tzinfo=UTC))
    assert said.startswith("answer_none_since Mila 22:00 ")
    assert "source_trouble_people Mila Unreachable" in said
