import type { Hass } from "../home-assistant";
import type { Texts } from "../localize";
import { severityNames, type Severity } from "../severity";
import { clockOf, formatDuration, type Clock } from "../time";
import type { Alert } from "./alerts";
import type { Episode } from "./episodes";
import { glucoseThen } from "./glucose";

/** What the card shows, all of it in words. */
export interface Timeline {
  /** The newest first. */
  days: TimelineDay[];
  /** What there is to say of the whole. */
  notes: string[];
}

export interface TimelineDay {
  name: string;
  lines: TimelineLine[];
}

export interface TimelineLine {
  time: string;
  severity: Severity;
  what: string;
  notes: string[];
}

/** Put the episodes, oldest first, into words; glucose values in `unit`. */
export function timelineOf(
  hass: Pick<Hass, "locale" | "config">,
  texts: Texts,
  episodes: Episode[],
  unavailable: string[],
  unit: string | undefined,
): Timeline {
  const { localize } = texts;
  const clock = clockOf(hass);
  const days: TimelineDay[] = [];
  for (const episode of [...episodes].reverse()) {
    const name = clock.day(episode.from);
    let day = days[days.length - 1];
    if (day?.name !== name) {
      day = { name, lines: [] };
      days.push(day);
    }
    day.lines.push(lineOf(hass.locale.language, texts, clock, episode, unit));
  }
  const notes: string[] = [];
  if (!episodes.length) {
    notes.push(localize("timeline_empty"));
  }
  if (unavailable.length) {
    const gaps = unavailable.map((date) => clock.day(new Date(`${date}T12:00`)));
    notes.push(localize("timeline_gaps", { days: gaps.join(", ") }));
  }
  return { days, notes };
}

function lineOf(
  language: string,
  texts: Texts,
  clock: Clock,
  episode: Episode,
  unit: string | undefined,
): TimelineLine {
  const { localize } = texts;
  const { alert, from, seen, ended } = episode;
  const notes: string[] = [];
  const glucose = glucoseThen(localize, language, alert.details, unit);
  if (glucose) {
    notes.push(glucose);
  }
  if (ended) {
    notes.push(localize("timeline_ended", { time: clock.time(seen) }));
  } else if (seen > from) {
    notes.push(localize("timeline_seen", { time: clock.time(seen) }));
  }
  const minutes = Math.floor((Date.parse(alert.received_at) - from.getTime()) / 60_000);
  if (alert.late && minutes > 0) {
    notes.push(localize("timeline_arrived", { age: formatDuration(localize, minutes) }));
  }
  return { time: clock.time(from), severity: alert.severity, what: titleOf(texts, alert), notes };
}

/** What an alert is: "DRILL: Medication: Many doses not logged · high severity". */
function titleOf({ localize, stateName }: Texts, alert: Alert): string {
  const { alert_type: type, subtype } = alert;
  const name = stateName("sensor.last_alert", type) || type;
  const detail = subtype && stateName(`sensor.${type}_status`, subtype.toLowerCase());
  const howBad = severityNames(localize)[alert.severity];
  return (
    (alert.drill ? `${localize("drill")}: ` : "") +
    (detail ? `${name}: ${detail}` : name) +
    (howBad ? ` · ${howBad}` : "")
  );
}
