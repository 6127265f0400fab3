"""What is known of people who share with us, as snapshots: their alerts, glucose and settings. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ...alerts.alert import Alert, Person
from ...alerts.episode import EpisodeSpan, derive_episodes
from ...alerts.freshness import DataFreshness, Status
from ...alerts.glucose import Glucose
from ...alerts.snapshot import AlertStatus, AppliedProfile, PersonSnapshot, Setting
from ...alerts.stored import moment_or_none
from ..http import ApiError, status_of
from .api import SettingsUnreadableError
from .cadence import UNKNOWN_FOR
from .evaluation import DATA_GAPS, Evaluation, EvaluationResult, Reason
from .excursions import SILENCE
from .people import PEOPLE_EVERY, Followed, PollState
from .readings import NOW
from .records import FOLLOW, VIEW
from .settings import FIELDS, GLUCOSE_KINDS, KINDS, Settings, setting_of


def why_not_judged(followed: Followed, *, judges: bool) -> Reason | None:
    """Why somebody's readings are not judged, whatever they are; `judges`: whether anybody's are."""
    if not judges:
        return Reason.NOT_JUDGED
    if not (followed.may(VIEW) and followed.may(FOLLOW)):
        return Reason.NOT_PERMITTED
    return None


def _why_not_yet(followed: Followed, poll: PollState) -> Reason:
    """Why nothing was judged so far of somebody who is."""
    if followed.settings_read:
        return Reason.NO_READINGS
    if isinstance(poll.settings.error, SettingsUnreadableError):
        return Reason.SETTINGS_UNREADABLE
    return Reason.SETTINGS_UNKNOWN


def unreadable_of(followed: Followed, poll: PollState, *, judges: bool) -> list[str]:
    """Which of somebody's alerts are to be judged and cannot be, because their settings make no sense."""
    if why_not_judged(followed, judges=judges):
        return []
    if isinstance(poll.settings.error, SettingsUnreadableError):
        return list(KINDS)
    return Settings(followed.settings or {}).unreadable


def _has_thresholds(followed: Followed) -> bool:
    """Whether any of somebody's readings can be an alert."""
    settings = Settings(followed.settings or {})
    return any(settings.threshold(kind)[0] is not None for kind in GLUCOSE_KINDS)


def own_freshness(heard_at: datetime, error: ApiError | None) -> DataFreshness:
    """How fresh an account without people is that answered at `heard_at`. `error`: why it does not say who they are."""
    return DataFreshness(
        data_through=heard_at,
        next_due=heard_at + 2 * PEOPLE_EVERY,
        valid_until=heard_at + 2 * PEOPLE_EVERY,
        trouble=status_of(error) if error else None,
    )


def data_freshness_of(
    followed: Followed, poll: PollState, last_contact: datetime | None, *, judges: bool
) -> DataFreshness:
    """How fresh somebody's data are; of whom there are none to come, their settings.

    `poll`: how asking for them went. `last_contact`: when Tidepool last answered. `judges`: whether readings are judged.
    """
    is_asked_for = judges and VIEW in followed.allows
    errors = (poll.data.error if is_asked_for else None, poll.settings.error)
    troubles = [status_of(error) for error in errors if error]
    if unreadable_of(followed, poll, judges=judges):
        troubles.append(Status.UNREACHABLE)
    if followed.lost:
        troubles.append(Status.PERMISSION_LOST)
    trouble = max(troubles, key=lambda one: one.rank, default=None)
    heard_at = last_contact or followed.since
    if not judges or VIEW not in followed.allowed:
        return replace(own_freshness(heard_at, None), data_through=None, trouble=trouble)
    if followed.may(VIEW):
        # What is known of the others does not make their readings any newer.
        heard_at = followed.cadence.answered_at or heard_at
    return DataFreshness(
        data_through=followed.glucose.observed_at if followed.glucose else None,
        next_due=_due(followed),
        valid_until=heard_at + SILENCE,
        trouble=trouble,
        delay=followed.delay,
    )


def _due(followed: Followed) -> datetime:
    """When something newer of somebody should be there."""
    if followed.lost:
        # Nothing is judged any more, whatever still comes.
        return (followed.watch.judged_at or followed.since) + NOW
    if followed.glucose is None:
        return followed.since + UNKNOWN_FOR
    return followed.cadence.overdue_at(followed.glucose.observed_at)


def snapshot_of(
    person_id: str,
    followed: Followed,
    poll: PollState,
    alerts: Iterable[Alert],
    now: datetime,
    *,
    judges: bool,
    unit: str,
    last_contact: datetime | None,
) -> PersonSnapshot:
    """What there is to show of somebody.

    `alerts` are this person's, in order; `judges`: whether readings are judged at all; `unit`: that of thresholds that are
    not there yet; `last_contact`: when Tidepool last answered.
    """
    result, not_yet = poll.result, _why_not_yet(followed, poll)
    by_kind: dict[str, list[Alert]] = {kind: [] for kind in KINDS}
    last_alert = None
    for alert in alerts:
        by_kind.setdefault(alert.alert_type, []).append(alert)
        last_alert = alert
    why_not = why_not_judged(followed, judges=judges)
    glucose = followed.glucose if judges and followed.may(VIEW) else None
    stale_from = glucose and glucose.observed_at + NOW + timedelta.resolution
    shown_until = glucose and _shown_until(followed, glucose)
    deadlines = [result.changes_at, stale_from, shown_until, followed.switched.until]
    return PersonSnapshot(
        person=Person(person_id, followed.name),
        conditions={
            kind: _condition(followed, kind, result, by_kind[kind], why_not, not_yet)
            for kind in KINDS
        },
        last_alert=last_alert,
        glucose=glucose if shown_until and now < shown_until else None,
        glucose_stale=bool(stale_from and now >= stale_from),
        glucose_now_until=stale_from if stale_from and now < stale_from else None,
        last_glucose=glucose,
        settings=_settings_of(followed, unit),
        profile=_profile_of(followed),
        data=data_freshness_of(followed, poll, last_contact, judges=judges),
        looked_from=None if why_not or not _has_thresholds(followed) else followed.since,
        changes_at=min(
            (deadline for deadline in deadlines if deadline and deadline > now), default=None
        ),
    )


def _shown_until(followed: Followed, glucose: Glucose) -> datetime:
    """Until when a value is shown as the newest: while it is *now*.

    Of those who upload more rarely than that, until the next is overdue, marked as stale; never for longer than an hour.
    """
    stale_from = glucose.observed_at + NOW + timedelta.resolution
    age = followed.cadence.usual_age
    if age is None or age < NOW:
        return stale_from
    overdue_at = followed.cadence.overdue_at(glucose.observed_at)
    return max(stale_from, min(overdue_at, glucose.observed_at + SILENCE))


def _condition(
    followed: Followed,
    kind: str,
    result: EvaluationResult,
    alerts: Sequence[Alert],
    why_not: Reason | None,
    not_yet: Reason,
) -> AlertStatus:
    history = followed.watch.kinds.get(kind)
    evaluation = result.evaluations.get(kind) or Evaluation(is_on=None, reason=not_yet)
    spans = derive_episodes(alerts, history.endings() if history else (), is_active=lambda _: True)
    spans = [_with_device_words(span, kind, followed) for span in spans]
    reason = why_not or evaluation.reason
    is_on = evaluation.is_on if reason is None else None
    return AlertStatus(
        is_on=is_on,
        current_alert=alerts[-1] if is_on and alerts else None,
        episode=spans[-1] if spans else None,
        earlier=spans[:-1],
        stale=evaluation.stale,
        unavailable=reason,
        has_data_gap=kind in GLUCOSE_KINDS and reason in DATA_GAPS,
    )


def _with_device_words(span: EpisodeSpan, kind: str, followed: Followed) -> EpisodeSpan:
    """An episode with when it was handled on the device: since it began, not only since it had lasted for its delay."""
    opened = span.opened
    started = moment_or_none(opened.details.get("started")) or opened.observed_at
    at = followed.device_words.handled_at(kind, min(started, opened.observed_at), span.ended_at)
    return replace(span, handled_at=at) if at else span


def _profile_of(followed: Followed) -> AppliedProfile | None:
    switched = followed.switched
    if (profile := switched.profile) is None:
        return None
    return AppliedProfile(profile.profile_id, profile.name, switched.until, switched.is_settled)


def _settings_of(followed: Followed, unit: str) -> dict[str, Setting]:
    """All that can be set for somebody, as Tidepool has it."""
    if not (followed.may(FOLLOW) and followed.settings_read):
        return {}
    settings = Settings(followed.settings or {})
    return {
        one.key: setting_of(one, settings.value(one), settings.unit(one.kind) or unit)
        for one in FIELDS.values()
    }
