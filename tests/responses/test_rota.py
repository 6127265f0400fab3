"""What the schedules and calendars of a house say: asked, and None where one cannot be asked."""

from collections.abc import Sequence
from datetime import UTC, datetime

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse
import pytest

from custom_components.care_alerts.responses.rota import read_rota

NOW = datetime(2026, 5, 1, 22, tzinfo=UTC)
FAMILY = "calendar.family"


async def calendar(hass: HomeAssistant, events: Sequence[tuple[int, int, str]]) -> list[str]:
    """Have a calendar with events, from and to so many seconds after now; return who has been asked for."""
    asked: list[str] = []

    async def get_events(call: ServiceCall) -> ServiceResponse:
        asked.append(call.data["entity_id"])
        start, end = (
            (datetime.fromisoformat(call.data[f"{which}_date_time"]) - NOW).total_seconds()
            for which in ("start", "end")
        )
        assert start < end
        return {
            call.data["entity_id"]: {
                "events": [
                    {"summary": name} if name else {}
                    for begin, until, name in events
                    if begin < end and until > start
                ]
            }
        }

    hass.services.async_register(
        "calendar", "get_events", get_events, supports_response=SupportsResponse.ONLY
    )
    hass.states.async_set(FAMILY, "off")
    return asked


@pytest.mark.parametrize(
    ("state", "is_on"),
    [("on", True), ("off", False), ("unavailable", None), ("unknown", None), (None, None)],
)
async def test_a_schedule_is_on_or_off_or_cannot_be_asked(
    hass: HomeAssistant, state: str | None, is_on: bool | None
) -> None:
    if state is not None:
        hass.states.async_set("schedule.night", state)
    rota = await read_rota(hass, ["schedule.night"], NOW)
    assert rota.schedules == {"schedule.night": is_on}
    assert rota.calendars == {}


@pytest.mark.parametrize("state", ["on", "off", "unavailable", "unknown", None])
async def test_only_a_calendar_that_is_there_is_asked_whatever_its_state_says(
    hass: HomeAssistant, state: str | None
) -> None:
    asked = await calendar(hass, [(-60, 60, "Ann"), (-60, 60, "Ben")])
    if state is None:
        hass.states.async_remove(FAMILY)
    else:
        hass.states.async_set(FAMILY, state)
    is_there = state in ("on", "off")
    rota = await read_rota(hass, [FAMILY], NOW)
    assert rota.calendars == {FAMILY: ["Ann", "Ben"] if is_there else None}
    assert rota.schedules == {}
    assert asked == [FAMILY] * is_there


async def test_only_what_is_on_now_counts(hass: HomeAssistant) -> None:
    """Times are in seconds from now; calendars know no shorter ones."""
    events = [
        (-3600, 0, "over just now"),
        (-3600, 1, "not over yet"),
        (0, 3600, "just begun"),
        (1, 3600, "in a second"),
        (-1, 0, "a second ago"),
        (-60, 60, ""),
    ]
    await calendar(hass, events)
    rota = await read_rota(hass, [FAMILY], NOW)
    assert rota.calendars == {FAMILY: ["not over yet", "just begun", ""]}


async def test_each_is_asked_and_one_that_fails_keeps_no_other(
    hass: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")

    async def get_events(call: ServiceCall) -> ServiceResponse:
        which: str = call.data["entity_id"]
        if which == "calendar.broken":
            raise KeyError("token")
        return {which: {"events": [{"summary": which}]} if which != "calendar.odd" else {}}

    hass.services.async_register(
        "calendar", "get_events", get_events, supports_response=SupportsResponse.ONLY
    )
    calendars = ["calendar.ann", "calendar.broken", "calendar.odd", "calendar.ben"]
    for which in calendars:
        hass.states.async_set(which, "off")
    hass.states.async_set("schedule.night", "on")
    rota = await read_rota(hass, [*calendars, "schedule.night", "calendar.gone"], NOW)
    assert rota.schedules == {"schedule.night": True}
    assert rota.calendars == {
        "calendar.ann": ["calendar.ann"],
        "calendar.broken": None,
        "calendar.odd": None,
        "calendar.ben": ["calendar.ben"],
        "calendar.gone": None,
    }
    # What its library says may hold anything.
    assert "A calendar did not tell its events: KeyError" in caplog.text
    assert "token" not in caplog.text.partition("A calendar did not tell")[2].splitlines()[0]
