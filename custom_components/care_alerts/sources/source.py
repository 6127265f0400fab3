"""What a source is, and what it may ask of the house: each vendor's folder has one in its `source.py`."""

from abc import abstractmethod
import asyncio
from collections.abc import Collection, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from ..alerts.alert import Alert, Severity
from ..alerts.freshness import DataFreshness
from ..alerts.ledger import Ledger
from ..alerts.readings import GlucoseLogs
from ..alerts.snapshot import PersonSnapshot
from .http import ApiError
from .settings import SettingsKeeper


class Host(Protocol):
    """The house that a source is part of, as the source sees it: a few questions and requests."""

    last_contact: datetime | None
    """When the source last answered."""

    @property
    def ledger(self) -> Ledger:
        """What was received. Nothing of it is announced before it is on disk."""

    @property
    def readings(self) -> GlucoseLogs:
        """What is kept of glucose and its thresholds, for whoever wants to see it: nothing is judged by it."""

    @property
    def title(self) -> str:
        """What the user calls the source; it may change while it runs."""

    @property
    def country(self) -> str | None:
        """Where the house is (ISO 3166)."""

    def now(self) -> datetime:
        """The time, for what is asked in between; whatever belongs to a poll has the poll's."""

    def left_out(self, unreadable: int) -> None:
        """Count records of this poll that could not be read."""

    def start(self, asking: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Ask beside what is running; it ends with the source."""

    async def save(self) -> None:
        """Write all that is kept; it is on disk when this returns, or a person is told that it is not."""

    def changed(self, *, write: bool = False) -> None:
        """Show what has come meanwhile, and announce what is new; `write`: have the state written before long."""

    def ask_soon(self) -> None:
        """Poll for what is due, once what is running is done."""

    def check_wait(self) -> None:
        """Ask nothing while the source wants us to wait.

        Raises:
            AskedToWaitError: it does.

        """

    def wait_as_told(self, error: ApiError) -> None:
        """Keep a wait that came with an answer to what somebody wanted to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repair:
    """What only a person can mend: a text of the translations (`key` in `issues`), and what it speaks of.

    `of`: which it is, where there may be several of the `kind`. `person_id`: whose settings the flow that mends it proposes.
    `is_to_look_up`: done once somebody has looked where it says. Else the text says what to do, and it goes by itself.
    """

    kind: str
    of: str = ""
    key: str
    is_error: bool = False
    person_id: str | None = None
    is_to_look_up: bool = False
    placeholders: Mapping[str, str] = field(default_factory=dict)

    def issue_id(self, entry_id: str) -> str:
        """What the issue of an entry's source is called."""
        return "_".join(filter(None, (self.kind, entry_id, self.of)))


class Archive(Protocol):
    """The days at a source that keeps more than we hold."""

    async def between(self, start: datetime, end: datetime) -> AlertsBetween:
        """The alerts with `start` <= `observed_at` < `end` that are not held, and the days that could not be had."""

    async def of(self, day: date) -> AlertsBetween:
        """All alerts of one of its own days, and that day if it could not be had."""


@dataclass(frozen=True, slots=True)
class AlertsBetween:
    """The alerts of a span of time, and the days of it that could not be had (ISO dates)."""

    alerts: list[Alert]
    unavailable: list[str]


class Source(Protocol):
    """One account at a vendor: what to ask, when, and what the answers amount to. Nothing of Home Assistant.

    A vendor's class derives from this and has the seven methods down to `dump`; the others are for those who need them.
    """

    settings_keeper: SettingsKeeper | None = None
    """Whom to ask about people's settings at the vendor; None where there are none."""
    archive: Archive | None = None
    people_are_chosen: bool = False
    """Whether the user chose whom to follow: nobody else's device is kept."""
    counts_from: Severity = Severity.LOW
    """The least severity that statistics count."""

    @abstractmethod
    async def poll(self, now: datetime, *, everything: bool) -> bool:
        """Ask for what is due, or for `everything` because somebody wants to know; put the alerts into the ledger as they come.

        Return whether there was any answer at all.

        Raises:
            ApiError: there was none, or not to all of it.

        """

    @abstractmethod
    def next_poll(self, now: datetime) -> datetime:
        """When to ask again after an answer."""

    @abstractmethod
    def people(self, now: datetime, alerts: Sequence[Alert]) -> Mapping[str, PersonSnapshot]:
        """The snapshot of each person by id, from all alerts in order. Test alerts and what is done about episodes are not its."""

    @abstractmethod
    def data_freshness(self) -> DataFreshness | None:
        """How fresh it is where it has no people, and what trouble is nobody's in particular; None if it never spoke."""

    @abstractmethod
    def repairs(self) -> Iterable[Repair]:
        """What a person has to mend now."""

    @abstractmethod
    def load(self, stored: dict[str, Any], now: datetime) -> None:
        """Take up the state that `dump` gave before a restart; empty at first contact.

        Raises:
            AttributeError, LookupError, TypeError, ValueError: it makes no sense.

        """

    @abstractmethod
    def dump(self) -> dict[str, Any]:
        """Where the reading stands, as JSON values."""

    def evaluate_due(self, now: datetime) -> None:
        """Put into the ledger what has become an alert by time alone."""
        return

    def clock_was_set(self) -> None:
        """Believe no more what it has learned by our clock, which was not right: of others' clocks, of when something comes."""
        return

    def leaving(self, options: Mapping[str, Any]) -> Collection[str]:
        """Whom it will follow no more when it starts again with these options."""
        return ()

    def let_go(self, people: Iterable[str], now: datetime) -> None:
        """End what is open of people who are about to go: once they are gone, nobody would."""
        return

    def can_forget(self, person_id: str) -> bool:
        """Whether somebody's device may be removed: not while the source speaks of them."""
        return False

    def forget(self, person_id: str) -> None:
        """Follow somebody no more."""
        return

    async def close(self) -> None:
        """Finish what must not be cut off."""
        return
