"""The morning message: how the night was, by its report. It counts, says how much is known, and never that all is well."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..alerts.glucose import MG_DL, Glucose
from ..alerts.readings import KeptReading
from ..alerts.report import Outcome, Report, percent
from .answers import Known, reach_text
from .message import glucose_text
from .notification import Level, Notification
from .plan import Text
from .wording import Wording, number_text


@dataclass(frozen=True, slots=True, kw_only=True)
class NightOf:
    """Somebody's night; `known`: what is known of them by each source that they have, by whose word they are called first."""

    known: Sequence[Known]
    report: Report


def morning_note(
    nights: Sequence[NightOf], text: Text, wording: Wording, *, tag: str, url: str | None
) -> Notification:
    """What there is to tell of people's night."""
    localize = wording.localize
    if text is Text.NEUTRAL:
        title, message = localize("notification_neutral_title"), localize("morning_neutral")
    else:
        title = localize("morning_title")
        message = "\n".join(" ".join(_lines(one, wording)) for one in nights)
    return Notification(tag=tag, title=title, message=message, level=Level.RINGING, url=url)


def _lines(night: NightOf, wording: Wording) -> Iterator[str]:
    localize, report, first = wording.localize, night.report, night.known[0]
    if report.episodes:
        # What went on from the evening before is one of the night, although nothing new was said of it.
        count = max(report.alerts, len(report.episodes))
        yield localize("morning_alerts", person=first.person, count=str(count))
    else:
        yield localize("answer_none_since", person=first.person, time=wording.at(report.start))
    if waiting := report.count(Outcome.OPEN):
        yield localize("morning_open", count=str(waiting))
    if unanswered := report.count(Outcome.UNANSWERED):
        of_all = unanswered + report.count(Outcome.ANSWERED)
        yield localize("morning_unanswered", count=str(unanswered), all=str(of_all))
    if glucose := report.glucose:
        if lowest := glucose.lowest:
            yield localize(
                "morning_lowest",
                value=glucose_text(_as_glucose(lowest), localize, first.unit),
                time=wording.at(lowest.observed_at),
            )
        covered = percent(glucose.time.coverage or 0, 0)
        yield localize("morning_covered", percent=number_text(localize, covered, 0))
    for known in night.known:
        yield from reach_text(known, wording)


def _as_glucose(reading: KeptReading) -> Glucose:
    return Glucose(
        observed_at=reading.observed_at,
        value=reading.mg_dl,
        unit=MG_DL,
        out_of_range=reading.out_of_range,
    )
