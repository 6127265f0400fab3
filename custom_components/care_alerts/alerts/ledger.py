"""The ledger: which alerts have been received, and which of them were announced.

An alert is written down before it is announced and marked when it has been. Whoever keeps the ledger
saves it between those steps; what a crash leaves in between is announced again as `redelivered`.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final, Self

from .alert import Alert, AlertKey, Announcement, in_order
from .stored import aware
from .testing import ends_at_of, without_test_alerts
from .tolerant import UNREADABLE, read_each

KEPT_FOR: Final = timedelta(days=45)
KEPT_AT_MOST: Final = 20_000
DRILLS_KEPT_FOR: Final = timedelta(days=1)

_BEGINNING = datetime.min.replace(tzinfo=UTC)


class Delivery(StrEnum):
    """How far an alert has got on its way to the house."""

    HISTORY = "history"  # from before we followed the person: kept, never announced
    PENDING = "pending"
    ANNOUNCED = "announced"
    WITNESS = "witness"  # another device's word for what is announced: kept with it, not announced


class CorruptLedgerError(ValueError):
    """What was stored is no ledger at all."""


class Ledger:
    """The alerts of one source, each once, bounded in age and number."""

    def __init__(self) -> None:
        """Start an empty ledger."""
        self._alerts: dict[str, Alert] = {}
        self._unannounced: dict[str, Delivery] = {}
        """What is never announced, and why."""
        self._pending: dict[str, bool] = {}
        """Whether it may have been announced."""
        self._in_order: list[Alert] | None = None
        self._by_key: dict[AlertKey, list[Alert]] | None = None
        self._held: set[str] = set()
        self._forgotten_to = _BEGINNING
        self._pruned_at: datetime | None = None
        self.forgotten: Counter[AlertKey] = Counter()
        """How many alerts of a topic there were that count and are not held any more."""
        self.unreadable = 0
        """Stored lines that could not be read when the ledger was loaded."""

    def __len__(self) -> int:
        """How many alerts it holds."""
        return len(self._alerts)

    def __contains__(self, alert_id: object) -> bool:
        """Whether it holds an alert."""
        return alert_id in self._alerts

    def add(self, alert: Alert, *, announce: bool, witness: bool = False) -> bool:
        """Add an alert; False if it is known, or older than all that is remembered.

        The first version of an alert stays: a source that sends it again changes nothing. A `witness` is not
        announced, but the house knows what it says: it is no history.
        """
        alert_id = alert.alert_id
        if alert_id in self._alerts or alert.observed_at <= self._forgotten_to:
            return False
        self._alerts[alert_id] = alert
        if announce and not witness:
            self._pending[alert_id] = False
            self._held.add(alert_id)
        else:
            self._unannounced[alert_id] = Delivery.WITNESS if witness else Delivery.HISTORY
        self._in_order = self._by_key = None
        return True

    def announce(self, alert_id: str) -> None:
        """Have a witness announced after all: what it says is not what the house knows."""
        del self._unannounced[alert_id]
        self._pending[alert_id] = False
        self._held.add(alert_id)
        self._in_order = self._by_key = None

    def delivery(self, alert_id: str) -> Delivery:
        """How far an alert that is held has got."""
        announced = Delivery.PENDING if alert_id in self._pending else Delivery.ANNOUNCED
        return self._unannounced.get(alert_id, announced)

    def pending(self) -> list[Announcement]:
        """What is written down and not marked as announced, in the order it happened."""
        waiting = [
            Announcement(
                self._alerts[alert_id],
                redelivered=maybe_announced,
                held=alert_id in self._held,
            )
            for alert_id, maybe_announced in self._pending.items()
        ]
        waiting.sort(key=lambda one: in_order(one.alert))
        return waiting

    def held(self) -> frozenset[str]:
        """The ids of what was written down to be announced, and not released yet."""
        return frozenset(self._held)

    def release(self, alert_ids: Iterable[str]) -> None:
        """Let these be announced: they have been saved."""
        self._held.difference_update(alert_ids)

    def mark_announced(self, alert_id: str) -> None:
        """Remember that it was announced."""
        self._pending.pop(alert_id, None)

    def alerts(self) -> Sequence[Alert]:
        """All alerts, in the order they happened."""
        if self._in_order is None:
            self._in_order = sorted(self._alerts.values(), key=in_order)
        return self._in_order

    def excluding_backfill(self) -> list[Alert]:
        """The alerts that came while their person was being followed, in order: no history."""
        history = Delivery.HISTORY
        return [one for one in self.alerts() if self._unannounced.get(one.alert_id) is not history]

    def announced_by_key(self) -> Mapping[AlertKey, Sequence[Alert]]:
        """What `excluding_backfill` has, by topic: what the house has heard, or is about to."""
        if self._by_key is None:
            self._by_key = {}
            for alert in self.excluding_backfill():
                self._by_key.setdefault(AlertKey.of(alert), []).append(alert)
        return self._by_key

    def announced_since(
        self, person_id: str, alert_id: object, at: datetime | None
    ) -> Alert | None:
        """The alert of a person that was announced last, if it was after the one with `alert_id`, announced `at`.

        Whatever the house shows of a person was saved at some moment, and this is what it missed since then.
        """

        def announced(alert: Alert) -> tuple[Any, ...]:
            return alert.received_at, *in_order(alert)

        last = max(
            (
                alert
                for alert in self._alerts.values()
                if alert.person_id == person_id
                and self.delivery(alert.alert_id) is Delivery.ANNOUNCED
            ),
            key=announced,
            default=None,
        )
        if last is None or not isinstance(alert_id, str):
            return last
        if known := self._alerts.get(alert_id):
            return last if announced(last) > announced(known) else None
        return last if at is None or at < last.received_at else None

    def prune(
        self,
        now: datetime,
        *,
        keep: timedelta = KEPT_FOR,
        at_most: int = KEPT_AT_MOST,
        counts: Callable[[Alert], bool] = lambda _: True,
    ) -> int:
        """Forget the oldest alerts and return how many; a forgotten alert never counts as new again.

        Drills go a day after their end and are counted for themselves: they push nothing real out. How many
        of those that `counts` is true for there were is remembered, by topic.
        """
        alerts = self.alerts()
        drills = [alert for alert in alerts if alert.drill]
        real = without_test_alerts(alerts) if drills else alerts
        # The first time, their end may still have to be announced.
        drills_over = self._pruned_at - DRILLS_KEPT_FOR if self._pruned_at else _BEGINNING
        self._pruned_at = now
        too_many = len(drills) - at_most
        real_gone = real[: _too_old_or_many(real, now - keep, at_most)]
        gone = [
            *real_gone,
            *(
                drill
                for number, drill in enumerate(drills)
                if number < too_many
                or drill.observed_at <= now - keep
                or ends_at_of(drill) <= drills_over
            ),
        ]
        for alert in gone:
            del self._alerts[alert.alert_id]
            self._pending.pop(alert.alert_id, None)
            self._held.discard(alert.alert_id)
            why = self._unannounced.pop(alert.alert_id, None)
            if counts(alert) and why is not Delivery.WITNESS:
                self.forgotten[AlertKey.of(alert)] += 1
        if gone:
            self._in_order = self._by_key = None
        if real_gone:
            # Not the limit: a clock that once was years ahead must not make every later alert old. Nor drills:
            # what is real and from before them may come yet.
            self._forgotten_to = max(self._forgotten_to, real_gone[-1].observed_at)
        return len(gone)

    def to_dict(self) -> dict[str, Any]:
        """The ledger for orjson, which knows data classes: `{forgotten_to, forgotten: [{topic, alerts}], lines: [{delivery, alert}]}`."""
        return {
            "forgotten_to": self._forgotten_to.isoformat(),
            "forgotten": [
                {"topic": topic.to_dict(), "alerts": alerts}
                for topic, alerts in self.forgotten.items()
            ],
            "lines": [
                {"delivery": self.delivery(alert_id), "alert": alert}
                for alert_id, alert in self._alerts.items()
            ],
        }

    @classmethod
    def from_dict(cls, stored: Any) -> Self:
        """Read what `to_dict` gave. A line that cannot be read is counted in `unreadable` and left out.

        What was pending then may have been announced before the mark was saved.

        Raises:
            CorruptLedgerError: nothing of it can be trusted.

        """
        match stored:
            case {"forgotten_to": str(forgotten_to), "lines": list(lines)}:
                pass
            case _:
                raise CorruptLedgerError
        ledger = cls()
        try:
            ledger._forgotten_to = aware(forgotten_to)
        except (ValueError, OverflowError) as err:
            raise CorruptLedgerError from err
        # Numbers of long ago are no reason to lose alerts.
        with suppress(*UNREADABLE):
            ledger.forgotten.update(
                {
                    AlertKey.from_dict(one["topic"]): int(one["alerts"])
                    for one in stored["forgotten"]
                }
            )
        _, ledger.unreadable = read_each(lines, ledger._read)
        if lines and not ledger._alerts:
            raise CorruptLedgerError
        return ledger

    def _read(self, line: Any) -> None:
        delivery = Delivery(line["delivery"])
        alert = Alert.from_dict(line["alert"])
        self._alerts[alert.alert_id] = alert
        if delivery is Delivery.PENDING:
            self._pending[alert.alert_id] = True
        elif delivery is not Delivery.ANNOUNCED:
            self._unannounced[alert.alert_id] = delivery


def _too_old_or_many(alerts: Sequence[Alert], limit: datetime, at_most: int) -> int:
    """How many of alerts in order were observed by then, or with one of those that are too many."""
    if len(alerts) > at_most:
        limit = max(limit, alerts[len(alerts) - at_most - 1].observed_at)
    return bisect_right(alerts, limit, key=attrgetter("observed_at"))
