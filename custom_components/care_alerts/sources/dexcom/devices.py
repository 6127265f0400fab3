"""A wearer's display devices: which of them recorded an alert, and what they add to each other's word.

A phone and a receiver record the same condition each for itself, under ids of their own. What they are is known from
the records alone, and not every field is always there.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final

from ...alerts.alert import OTHER, Alert, in_order
from ...alerts.episode import EndReason, EpisodeSpan
from ...alerts.ledger import Delivery, Ledger
from ..parsing import text_or_none

_FIELDS: Final = ("displayDevice", "displayApp", "transmitterGeneration", "transmitterId")
"""What differs between devices, as far as it is there. The last one is a hash, and often empty."""

_LONGEST: Final = 32
"""Letters of each (ours): half of a hash differs between two transmitters."""

ROUND: Final = timedelta(minutes=30)
"""An alarm that nobody acknowledges sounds again within that time (ours, by the app's urgent low), on each device."""


def device_in(record: Mapping[str, Any]) -> tuple[str, ...]:
    """What a record says of its device; empty texts for what it does not say."""
    said = tuple(map(record.get, _FIELDS))
    try:
        return _texts(said)
    except TypeError:
        # A list, say, where a text should be.
        return _texts.__wrapped__(said)


@lru_cache(maxsize=100)
def _texts(said: tuple[Any, ...]) -> tuple[str, ...]:
    """The texts among what is said: thousands of records of a wearer say the same."""
    return tuple((text_or_none(one) or "")[:_LONGEST] for one in said)


def told_apart(alerts: Iterable[Alert]) -> dict[str, int]:
    """A number for the device of each alert, by the alerts' ids; `alerts` are in order.

    Two alerts are of one device if they say something of it that agrees and nothing that does not. Of several that
    it can be, it is the one most like it, and of these the one last heard of.
    """
    devices: list[list[str]] = []
    last_heard: list[int] = []
    found: dict[str, int] = {}
    for alert in alerts:
        if last_heard and devices[last_heard[-1]] == [*alert.device]:
            # None can be more like it.
            found[alert.alert_id] = last_heard[-1]
            continue
        alike = [(_likeness(device, alert.device), number) for number, device in enumerate(devices)]
        best = max(
            ((likeness, number) for likeness, number in alike if likeness is not None),
            key=lambda one: (one[0], last_heard.index(one[1])),
            default=None,
        )
        if best is None:
            number = len(devices)
            devices.append([*alert.device])
        else:
            number = best[1]
            devices[number] = [
                known or said for known, said in zip(devices[number], alert.device, strict=False)
            ] or [*alert.device]
            last_heard.remove(number)
        last_heard.append(number)
        found[alert.alert_id] = number
    return found


def _likeness(known: Sequence[str], said: Sequence[str]) -> int | None:
    """How much agrees; None if something does not, or nothing can be compared."""
    both = [(one, other) for one, other in zip(known, said, strict=False) if one and other]
    if any(one != other for one, other in both) or (not both and (any(known) or any(said))):
        return None
    return len(both)


def add(
    new: Sequence[Alert],
    ledger: Ledger,
    *,
    is_active: Callable[[Alert], bool | None],
    episodes_of: Callable[[Sequence[Alert]], Sequence[EpisodeSpan]],
) -> None:
    """Add new alerts to the ledger: to be announced, or as witnesses of what is known from another device.

    One device speaks for all. What another one records of an episode that the house knows of is no news, unless the
    first has been quiet for a `ROUND`, or its end was announced; and it is over when no device alarms.
    A witness is announced after all if it turns out to be of another episode than it seemed.
    """
    news = {alert.alert_id for alert in new}
    held: dict[tuple[str, str], list[Alert]] = {_kind(alert): [] for alert in new}
    for alert in (*ledger.alerts(), *new):
        if not alert.drill and (alike := held.get(_kind(alert))) is not None:
            alike.append(alert)
    for alerts in held.values():
        alerts.sort(key=in_order)
        devices = told_apart(alerts)
        if len({*devices.values()}) == 1:
            continue
        episodes = episodes_of(alerts)
        begins = [episode.opened.observed_at for episode in episodes]
        # Of each episode, what is until the next; and what was before all.
        parts: list[list[Alert]] = [[] for _ in range(len(episodes) + 1)]
        for alert in alerts:
            parts[bisect_right(begins, alert.observed_at)].append(alert)
        for episode, theirs in zip((None, *episodes), parts, strict=True):
            part = _Part(theirs, devices, ledger, is_active)
            part.sift_alarms(news)
            part.sift_ends(news, episode)
    for alert in new:
        is_news = alert.alert_id in news
        ledger.add(alert, announce=is_news, witness=not is_news)
    for alert_id in news - {alert.alert_id for alert in new}:
        ledger.announce(alert_id)


def _kind(alert: Alert) -> tuple[str, str]:
    """What two devices can say the same of; names that we do not know are not one condition."""
    return alert.alert_type, alert.details["alert_name"] if alert.alert_type == OTHER else ""


class _Part:
    """An episode, as the house knows it and as its devices recorded it; `alerts` are in order."""

    def __init__(
        self,
        alerts: Sequence[Alert],
        devices: Mapping[str, int],
        ledger: Ledger,
        is_active: Callable[[Alert], bool | None],
    ) -> None:
        """Look what was announced of it, or is about to be."""
        self._devices = devices
        self._alarms = [alert for alert in alerts if is_active(alert)]
        self._ends = [alert for alert in alerts if is_active(alert) is False]
        held = [alert.alert_id for alert in alerts if alert.alert_id in ledger]
        self._history = {one for one in held if ledger.delivery(one) is Delivery.HISTORY}
        announced = (Delivery.PENDING, Delivery.ANNOUNCED)
        self._announced = {one for one in held if ledger.delivery(one) in announced}

    def sift_alarms(self, news: set[str]) -> None:
        """Take what is known from the news; and let the first alarm be news if the house has heard of none."""
        firsts = {self._devices[alarm.alert_id]: alarm for alarm in reversed(self._alarms)}
        for alarm in self._alarms:
            if alarm.alert_id in news:
                joins = firsts[self._devices[alarm.alert_id]] is alarm
                self._keep_or_announce(alarm, news, is_known=self._is_known(alarm, joins=joins))
        heard_of = self._announced | self._history
        if self._alarms and not any(alarm.alert_id in heard_of for alarm in self._alarms):
            news.add(self._alarms[0].alert_id)

    def sift_ends(self, news: set[str], episode: EpisodeSpan | None) -> None:
        """Take from the news what ended on one device only, or is known to have ended; the last end is the true one."""
        is_open = episode is not None and episode.is_open
        for end in reversed(self._ends):
            if end.alert_id in news:
                is_known = self._is_known_to_be_over(end)
                self._keep_or_announce(end, news, is_known=is_known or is_open)
        heard_of = self._announced | self._history
        is_over = episode is not None and episode.end_reason is EndReason.SOURCE
        if is_over and not any(end.alert_id in heard_of for end in self._ends):
            news.add(self._ends[-1].alert_id)

    def _keep_or_announce(self, alert: Alert, news: set[str], *, is_known: bool) -> None:
        if is_known:
            news.remove(alert.alert_id)
        else:
            self._announced.add(alert.alert_id)

    def _is_known(self, alarm: Alert, *, joins: bool) -> bool:
        """Whether another device has spoken for this one, and no end was announced since."""
        ends = [end.observed_at for end in self._announced_of(self._ends)]
        return any(
            (joins or abs(other.observed_at - alarm.observed_at) < ROUND)
            and not any(other.observed_at <= end < alarm.observed_at for end in ends)
            for other in self._announced_of(self._alarms)
            if self._is_of_another(alarm, other)
        )

    def _is_known_to_be_over(self, end: Alert) -> bool:
        """Whether the house heard it from another device, and of no alarm since."""
        alarms = [alarm.observed_at for alarm in self._announced_of(self._alarms)]
        return any(
            not any(other.observed_at < alarm <= end.observed_at for alarm in alarms)
            for other in self._announced_of(self._ends)
            if self._is_of_another(end, other)
        )

    def _announced_of(self, alerts: Iterable[Alert]) -> Iterator[Alert]:
        return (alert for alert in alerts if alert.alert_id in self._announced)

    def _is_of_another(self, alert: Alert, other: Alert) -> bool:
        return self._devices[alert.alert_id] != self._devices[other.alert_id]
