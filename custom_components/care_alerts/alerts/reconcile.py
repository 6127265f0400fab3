"""Episodes in a snapshot of a source: their ids, what was done about them, and which ends are to be announced."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from operator import attrgetter

from .alert import Alert, AlertKey
from .episode import span_of
from .ledger import Delivery, Ledger
from .response_log import Episode, ResponseLog
from .snapshot import SourceSnapshot


def with_episodes(
    snapshot: SourceSnapshot, ledger: Ledger, log: ResponseLog, now: datetime
) -> SourceSnapshot:
    """The snapshot with the newest episode of each key; the log is brought in line with all of them first."""
    announced = ledger.announced_by_key()
    newest: dict[str, dict[AlertKey, Episode]] = {}
    for topic, spans in snapshot.spans():
        of_topic = announced.get(topic, ())
        log.reconcile(topic, spans, of_topic)
        newest.setdefault(topic.person_id, {})[topic] = log.episode(topic, spans[-1], of_topic, now)
    return replace(
        snapshot,
        people={
            person_id: replace(person, episodes=newest.get(person_id, {}))
            for person_id, person in snapshot.people.items()
        },
    )


def episode_of(
    alert: Alert, snapshot: SourceSnapshot, ledger: Ledger, log: ResponseLog, now: datetime
) -> Episode | None:
    """The episode that an alert belongs to; None where it belongs to none."""
    topic = AlertKey.of(alert)
    span = span_of(alert, snapshot.spans_of(topic))
    if span is None:
        return None
    return log.episode(topic, span, ledger.announced_by_key().get(topic, ()), now)


def ends_unannounced(
    snapshot: SourceSnapshot,
    ledger: Ledger,
    log: ResponseLog,
    *,
    waiting: Collection[str],
    now: datetime,
) -> list[Episode]:
    """The episodes that were announced, but not their end; not of people `waiting` for more of them."""
    announced = ledger.announced_by_key()
    found: list[Episode] = []
    for topic, spans in snapshot.spans():
        if topic not in announced or topic.person_id in waiting:
            continue
        for span in reversed(spans):
            if span.ended_at is None:
                continue
            if log.is_end_announced(topic, span.ended_at):
                break
            its_own = span.its_own(announced[topic])
            if its_own and not _only_witnesses_came(topic, its_own, ledger, log):
                found.append(log.episode(topic, span, announced[topic], now))
    return found


def _only_witnesses_came(
    topic: AlertKey, its_own: Sequence[Alert], ledger: Ledger, log: ResponseLog
) -> bool:
    """Whether an end of an episode was announced after its newest alert that was, and nothing since: it has moved, no more."""
    newest = max(its_own, key=attrgetter("received_at"))
    if ledger.delivery(newest.alert_id) is not Delivery.WITNESS:
        return False
    announced = [one for one in its_own if ledger.delivery(one.alert_id) is not Delivery.WITNESS]
    return bool(announced) and log.is_end_announced(topic, announced[-1].observed_at)
