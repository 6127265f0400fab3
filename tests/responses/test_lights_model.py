"""Any order of lighting, acknowledging, snoozing, ends and kills: lamps show what a naive model says, and are as before at the end."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from hypothesis import HealthCheck, Phase, given, settings, strategies as st
import pytest

from simulator import Simulator
from tests.appliances import Bulb, Json

from .test_lights import EVENING, HALL, STAIRS, Lives, Rooms, bright

pytestmark = pytest.mark.real_files

SEVERITIES = {"weight": "high", "flex": "medium", "medication": "low"}
COLOURS = {"weight": (255, 0, 0), "flex": (255, 170, 0), "medication": (0, 90, 255)}
LAMPS = (HALL, STAIRS)

type Doing = tuple[str, str, tuple[str, ...]]
"""What, to which alert, on which lamps."""

doings = st.tuples(
    st.sampled_from(["light", "light", "light", "acknowledge", "snooze", "again", "pass", "kill"]),
    st.sampled_from(sorted(SEVERITIES)),
    st.sampled_from([(HALL,), (STAIRS,), LAMPS]),
)


@dataclass
class Model:
    """What each alert shows on which lamps, in a few lines. Each is a test alert, over after half an hour."""

    shows: dict[str, set[str]] = field(default_factory=dict)
    ends_at: dict[str, int] = field(default_factory=dict)
    quiet_until: dict[str, int] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    minute: int = 0

    def begin(self, key: str) -> None:
        """A new episode: what was lit for the one before is not for this one."""
        self.shows.pop(key, None)
        self.acknowledged.discard(key)
        self.quiet_until.pop(key, None)
        self.ends_at[key] = self.minute + 30

    def needs_somebody(self, key: str) -> bool:
        """Whether it is open, and neither acknowledged nor snoozed."""
        return (
            self.minute < self.ends_at[key]
            and key not in self.acknowledged
            and self.minute >= self.quiet_until.get(key, 0)
        )

    def look(self, lamp: str, before: Json | None) -> Json | None:
        """What a lamp is to look like: the worst comes first in `SEVERITIES`."""
        on_it = [key for key in SEVERITIES if lamp in self.shows.get(key, ())]
        return bright(COLOURS[on_it[0]]) if on_it else before


async def do(rooms: Rooms, model: Model, doing: Doing) -> None:
    """Do one thing, in the house and in the model."""
    what, key, lamps = doing
    sensor = rooms.care.sensor(key)
    match what:
        case "light":
            answer = await rooms.light(rooms.episode(key), *lamps, colour=COLOURS[key])
            assert ("reason" not in answer) == model.needs_somebody(key)
            if model.needs_somebody(key):
                model.shows.setdefault(key, set()).update(lamps)
        case "acknowledge":
            await rooms.acknowledge(key)
            model.acknowledged.add(key)
        case "snooze":
            await rooms.care.call("snooze", sensor, duration={"minutes": 5})
            if model.minute < model.ends_at[key]:
                model.quiet_until[key] = model.minute + 5
        case "again":
            # Of one instant, none is the newer one.
            await rooms.minutes(1)
            model.minute += 1
            await rooms.alert(key, SEVERITIES[key])
            model.begin(key)
        case "pass":
            await rooms.minutes(7)
            model.minute += 7
    for which in [one for one in model.shows if not model.needs_somebody(one)]:
        del model.shows[which]


def lives_of(story: Sequence[Doing]) -> list[list[Doing]]:
    """What is done in each life."""
    lives: list[list[Doing]] = [[]]
    for doing in story:
        if doing[0] == "kill":
            lives.append([])
        else:
            lives[-1].append(doing)
    return lives


@pytest.fixture
def houses(
    tmp_path: Path, hass: HomeAssistant, sim: Simulator, freezer: FrozenDateTimeFactory
) -> Iterator[Lives]:
    """Houses without files, one after the other, with the same people."""
    lives = Lives(tmp_path, sim, freezer)

    def each() -> Iterator[Lives]:
        for number in count():
            lives.files = tmp_path / str(number)
            lives.files.mkdir()
            yield lives

    return each()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("expected_lingering_timers", [True])
@settings(
    max_examples=25,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(story=st.lists(doings, min_size=4, max_size=12))
async def test_lamps_are_as_the_model_says_and_as_before_at_the_end(
    houses: Iterator[Lives], story: Sequence[Doing]
) -> None:
    lives = next(houses)
    lives.hall, lives.stairs = Bulb(look=dict(EVENING)), Bulb()
    model = Model()
    for number, life in enumerate([*lives_of(story), []]):
        async with lives.live() as rooms:
            if number == 0:
                for key, severity in SEVERITIES.items():
                    await rooms.alert(key, severity)
                    model.begin(key)
            assert rooms.now == (model.look(HALL, EVENING), model.look(STAIRS, None))
            for doing in life:
                await do(rooms, model, doing)
                wanted = (model.look(HALL, EVENING), model.look(STAIRS, None))
                assert rooms.now == wanted, doing
    async with lives.live() as rooms:
        for key in SEVERITIES:
            await rooms.acknowledge(key)
        assert rooms.are_as_before
        await rooms.minutes(60)
        assert rooms.are_as_before
