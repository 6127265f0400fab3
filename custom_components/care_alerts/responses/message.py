"""Messages: what a notification or a voice says of an episode.

- Everything is told as what **was** observed, and when: "was observed at 14:05", never "is low". How old a
  value is stands beside it. No sentence says that all is well, and none what to do about a person.
- One notification a person and alert type, updated in place; beyond `MOST_AT_ONCE` on one phone one summary,
  the worst first.
- `Text.NEUTRAL` has no person, alert, value or time of it, nor has its tag: only that somebody is needed,
  and who has it.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
import re
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from ..alerts.alert import Severity
from ..alerts.episode import EndReason
from ..alerts.glucose import MMOL_L, Glucose, OutOfRange, Trend, converted
from ..alerts.response_log import Episode
from .notification import MOST_IDS, Level, Notification, buttons_for
from .plan import Caregiver, Text
from .wording import Localize, Wording, number_text

MOST_AT_ONCE: Final = 3
"""The design's: what lies below a third notification is not seen on a lock screen."""
SUMMARY_TAG: Final = "care_alerts_summary"

_TRENDS: Final = {
    Trend.RISING_QUICKLY: "⇈",
    Trend.RISING: "↑",
    Trend.RISING_SLIGHTLY: "↗",
    Trend.STEADY: "→",
    Trend.FALLING_SLIGHTLY: "↘",
    Trend.FALLING: "↓",
    Trend.FALLING_QUICKLY: "⇊",
}
"""As on the devices themselves: the same in every language."""
_OBSERVED: Final = {
    Severity.HIGH: "notification_observed_high",
    Severity.MEDIUM: "notification_observed_medium",
    Severity.LOW: "notification_observed_low",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Testimony:
    """What one source has first said of an episode that several have. `is_live`: as it happened."""

    source: str
    observed_at: datetime
    received_at: datetime
    is_live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """An episode, with what only the house knows of it.

    `person` and `alert` are what it calls them, `tag` is of that person and alert type, `url` the dashboard
    at them. `glucose`: the newest value known of them, `unit` the one that they have it shown in. `rings`: whether this is a step, not an update;
    `redelivered`: it may have been told before. `witnesses`: what each source has of it, if several have.
    """

    episode: Episode
    person: str
    alert: str
    tag: str
    url: str | None = None
    glucose: Glucose | None = None
    unit: str | None = None
    rings: bool = True
    redelivered: bool = False
    witnesses: tuple[Testimony, ...] = ()

    @property
    def is_drill(self) -> bool:
        """Whether nothing of it is real."""
        return self.episode.topic.drill


def notifications(
    notices: Sequence[Notice], caregiver: Caregiver, wording: Wording, shown: Collection[str]
) -> list[Notification]:
    """What a phone of a caregiver is sent, the worst first; `shown` are the tags that it shows now.

    `notices`: what rings now, what has changed, and whatever else it was told of that is not over. A summary
    is as loud as the loudest in it, and takes away what it replaces; with three or fewer left it goes.
    """
    ordered = sorted(notices, key=worst_first)
    notes = [_note(one, caregiver, wording) for one in ordered]
    waiting = [one for one in ordered if one.episode.is_open]
    if len(waiting) > MOST_AT_ONCE:
        summed_up = notes[: len(waiting)]
        gone = [Notification(tag=one.tag, is_cleared=True) for one in summed_up]
        notes = [_summary(waiting, summed_up, caregiver, wording), *gone, *notes[len(waiting) :]]
    else:
        notes.append(Notification(tag=SUMMARY_TAG, is_cleared=True))
    return [one for one in notes if not one.is_cleared or one.tag in shown]


def banner(notices: Collection[tuple[Notice, Text]], wording: Wording) -> tuple[str, str]:
    """Title and Markdown of what everybody is told at once, the worst first; `notices` are of open episodes."""
    parts = []
    for notice, text in sorted(notices, key=lambda one: worst_first(one[0]))[:MOST_IDS]:
        note = _note(notice, Caregiver(caregiver_id="", name="", text=text), wording)
        lines = [markdown(note.message)]
        if note.url and note.url.startswith("/"):
            lines.append(f"[{wording.localize('banner_alert')}]({note.url})")
        parts.append((note.title, "\n".join(lines)))
    if len(parts) == 1:
        return parts[0]
    title = wording.localize("notification_summary_title", count=str(len(notices)))
    paragraphs = [f"**{markdown(who)}**\n{what}" for who, what in parts]
    if more := len(notices) - len(parts):
        paragraphs.append(wording.localize("notification_more", count=str(more)))
    return title, "\n\n".join(paragraphs)


def markdown(text: str) -> str:
    """A text as it is, where Markdown is understood: a name is whatever somebody has typed."""
    return re.sub(r"[\\`*_\[\]<>#|~&@]|(?<=www)\.|:(?=//)", r"\\\g<0>", text, flags=re.IGNORECASE)


def worst_first(notice: Notice) -> tuple[bool, bool, int, bool, float]:
    """What notices are sorted by: open, real, severe, nobody's, new."""
    episode = notice.episode
    return (
        not episode.is_open,
        notice.is_drill,
        -episode.severity.rank,
        episode.acknowledgement is not None,
        -episode.last_seen.observed_at.timestamp(),
    )


def level(notice: Notice, caregiver: Caregiver) -> Level:
    """How loud it comes.

    What came late, or is of a whole day (`details.date`, as Lumen's analyses), breaks through no silence:
    nobody is to be torn from sleep for what was over hours ago.
    """
    episode = notice.episode
    if not notice.rings or not episode.is_open or episode.acknowledgement is not None:
        return Level.SILENT
    is_of_now = not episode.is_late and "date" not in episode.last_seen.details
    if is_of_now and episode.severity in caregiver.break_through:
        return Level.CRITICAL
    return Level.RINGING


def tag_of(notice: Notice, text: Text) -> str:
    """The tag of its notification: a neutral one names neither the person nor the alert."""
    if text is Text.NEUTRAL:
        return f"care_alerts_{uuid5(NAMESPACE_URL, notice.tag).hex}"
    return notice.tag


def _note(notice: Notice, caregiver: Caregiver, wording: Wording) -> Notification:
    episode = notice.episode
    is_neutral = caregiver.text is Text.NEUTRAL
    tag = tag_of(notice, caregiver.text)
    if not episode.is_open and not _is_lost(notice):
        return Notification(tag=tag, is_cleared=True)
    can_be_taken = episode.unacknowledged_since is not None
    return Notification(
        tag=tag,
        title=_title(notice, caregiver, wording),
        message="\n".join(_lines(notice, wording, is_neutral=is_neutral)),
        level=level(notice, caregiver),
        buttons=buttons_for([episode.episode_id], wording.localize) if can_be_taken else (),
        # An address names whom it leads to.
        url=None if is_neutral else notice.url,
        when=None if is_neutral else episode.last_seen.observed_at,
    )


def _is_lost(notice: Notice) -> bool:
    """Whether it is over only because nothing more was heard: what nobody took stays on the screen and says so."""
    episode = notice.episode
    return (
        episode.end_reason is EndReason.EXPIRED
        and episode.acknowledgement is None
        and not notice.is_drill
    )


def _title(notice: Notice, caregiver: Caregiver, wording: Wording) -> str:
    if caregiver.text is Text.FULL:
        return full_title(notice, wording)
    title = wording.localize("notification_neutral_title")
    return wording.localize("drill_title", title=title) if notice.is_drill else title


def full_title(notice: Notice, wording: Wording) -> str:
    """Who and what, and whether nothing of it is real."""
    title = wording.localize("alert_title", person=notice.person, alert=notice.alert)
    return wording.localize("drill_title", title=title) if notice.is_drill else title


def _lines(notice: Notice, wording: Wording, *, is_neutral: bool) -> Iterator[str]:
    episode, localize = notice.episode, wording.localize
    if is_neutral:
        yield localize("notification_neutral")
    else:
        yield observed_text(notice, wording)
        if notice.glucose:
            yield localize(
                "notification_glucose",
                value=glucose_text(notice.glucose, localize, notice.unit),
                time=wording.at(notice.glucose.observed_at),
                age=wording.age(notice.glucose.observed_at),
            )
        if notice.witnesses:
            yield witnesses_text(notice.witnesses, wording)
        if episode.is_late:
            yield localize("notification_late", time=wording.at(episode.last_seen.received_at))
        if episode.ended_at is not None:
            yield localize("notification_lost", time=wording.at(episode.ended_at))
        yield from handled_text(episode, wording)
    yield who_has_it(episode, wording)
    if notice.redelivered:
        yield localize("notification_redelivered")


def observed_text(notice: Notice, wording: Wording) -> str:
    """When it was last observed, how long ago that is, and how severe it is."""
    observed = notice.episode.last_seen.observed_at
    key = _OBSERVED[notice.episode.severity]
    return wording.localize(key, time=wording.at(observed), age=wording.age(observed))


def witnesses_text(witnesses: Iterable[Testimony], wording: Wording) -> str:
    """Which sources have it, from when, and when what came late came."""

    def said(one: Testimony) -> str:
        time = wording.at(one.observed_at)
        if one.is_live:
            return wording.localize("notification_witness_live", source=one.source, time=time)
        arrived = wording.at(one.received_at)
        return wording.localize(
            "notification_witness", source=one.source, time=time, arrived=arrived
        )

    return "; ".join(map(said, witnesses))


def who_has_it(episode: Episode, wording: Wording) -> str:
    """Who has acknowledged an episode, until when it is snoozed, or that nobody has it."""
    localize = wording.localize
    if held := episode.acknowledgement:
        who = held.by.name or localize("somebody")
        return localize("notification_acknowledged", who=who, time=wording.at(held.at))
    if episode.is_open and episode.snoozed_until and episode.snoozed_until > wording.now:
        return localize("notification_snoozed", time=wording.at(episode.snoozed_until))
    return localize("notification_unacknowledged")


def handled_text(episode: Episode, wording: Wording) -> Iterator[str]:
    """That somebody answered it on the person's own device, and when: nobody in the house has it by that."""
    if at := episode.handled_at:
        yield wording.localize("handled_on_device", time=wording.at(at))


def what_was_done(episode: Episode, wording: Wording) -> str:
    """What was done about an episode, on the person's device and in the house."""
    return " ".join((*handled_text(episode, wording), who_has_it(episode, wording)))


def glucose_text(glucose: Glucose, localize: Localize, unit: str | None = None) -> str:
    """A value with its unit and trend; mmol/L with one digit as devices show them, Tidepool has many."""
    if glucose.out_of_range is OutOfRange.LOW:
        value = localize("notification_glucose_low")
    elif glucose.out_of_range is OutOfRange.HIGH:
        value = localize("notification_glucose_high")
    else:
        unit = unit or glucose.unit
        number = converted(glucose.value, glucose.unit, unit)
        value = f"{number_text(localize, number, 1 if unit == MMOL_L else 0)} {unit}"
    return f"{value} {_TRENDS[glucose.trend]}" if glucose.trend else value


def spoken_text(notice: Notice, wording: Wording) -> str:
    """What a voice says: without the value, which is for who looks at a screen, and without signs."""
    return f"{full_title(notice, wording)}. {observed_text(notice, wording)} {what_was_done(notice.episode, wording)}"


def _summary(
    notices: Sequence[Notice],
    notes: Sequence[Notification],
    caregiver: Caregiver,
    wording: Wording,
) -> Notification:
    localize = wording.localize
    is_neutral = caregiver.text is Text.NEUTRAL
    listed = notices[:MOST_IDS]
    title = localize("notification_summary_title", count=str(len(notices)))
    lines = [
        f"{_title(one, caregiver, wording)}. {observed_text(one, wording)}"
        f" {what_was_done(one.episode, wording)}"
        for one in listed
    ]
    if more := len(notices) - len(listed):
        lines.append(localize("notification_more", count=str(more)))
    if is_neutral:
        title = localize("notification_neutral_title")
        lines = [localize("notification_neutral")]
    if all(one.is_drill for one in notices):
        title = localize("drill_title", title=title)
    ids = [one.episode.episode_id for one in listed if one.episode.unacknowledged_since]
    return Notification(
        tag=SUMMARY_TAG,
        title=title,
        message="\n".join(lines),
        level=min((one.level for one in notes), key=tuple(Level).index),
        buttons=buttons_for(ids, localize) if ids else (),
        url=None if is_neutral else notices[0].url,
        when=None if is_neutral else notices[0].episode.last_seen.observed_at,
    )
