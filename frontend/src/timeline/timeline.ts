import type { Hass } from "../home-assistant";
import type { Localize, TextKey, Texts } from "../localize";
import { SEVERITIES, severityNames, type Severity } from "../severity";
import { clockOf, formatDuration, type Clock } from "../time";
import type { Alert, Alerts, Episode } from "./alerts";
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

/** An episode and its alerts, or an alert that belongs to none: one line. */
interface Entry {
  since: Date;
  /** Oldest first; there is at least one. */
  alerts: [Alert, ...Alert[]];
  episode: Episode | undefined;
}

/** Put an answer into words; glucose values in `unit`. */
export function timelineOf(
  hass: Pick<Hass, "locale" | "config">,
  texts: Texts,
  answer: Alerts,
  unit: string | undefined,
): Timeline {
  const { localize } = texts;
  const clock = clockOf(hass);
  const entries = entriesOf(answer);
  const days: TimelineDay[] = [];
  for (const entry of entries) {
    const name = clock.day(entry.since);
    let day = days[days.length - 1];
    if (day?.name !== name) {
      day = { name, lines: [] };
      days.push(day);
    }
    day.lines.push(lineOf(hass.locale.language, texts, clock, entry, unit));
  }
  const notes: string[] = [];
  if (!entries.length) {
    notes.push(localize("timeline_empty"));
  }
  if (answer.unavailable.length) {
    const gaps = answer.unavailable.map((date) => clock.day(new Date(`${date}T12:00`)));
    notes.push(localize("timeline_gaps", { days: gaps.join(", ") }));
  }
  return { days, notes };
}

/** What there is a line for, the newest first. */
function entriesOf({ alerts, episodes }: Alerts): Entry[] {
  const known = new Map(episodes.map((episode) => [episode.episode_id, episode]));
  const entries = new Map<Episode | Alert, Entry>();
  for (const alert of alerts) {
    const episode = alert.episode_id === null ? undefined : known.get(alert.episode_id);
    const entry = entries.get(episode ?? alert);
    if (entry) {
      entry.alerts.push(alert);
    } else {
      const since = new Date(episode?.since ?? alert.observed_at);
      entries.set(episode ?? alert, { since, alerts: [alert], episode });
    }
  }
  // Of the same moment, too, the later comes first.
  return [...entries.values()].reverse().sort((a, b) => b.since.getTime() - a.since.getTime());
}

function lineOf(
  language: string,
  texts: Texts,
  clock: Clock,
  entry: Entry,
  unit: string | undefined,
): TimelineLine {
  const { localize } = texts;
  const { since, alerts, episode } = entry;
  const [first] = alerts;
  const worst = alerts.reduce((a, b) => (rankOf(b) > rankOf(a) ? b : a));
  const severity = episode?.severity ?? worst.severity;
  // Of an episode that began before the days shown, the first alert is not among them.
  const isWhole = Date.parse(first.observed_at) === since.getTime();
  const notes: string[] = [];
  if (isWhole) {
    notes.push(glucoseThen(localize, language, first.details, unit));
  }
  notes.push(lastOf(localize, clock, entry));
  const late = minutesBetween(since, first.received_at);
  if (isWhole && first.late && late > 0) {
    notes.push(localize("timeline_arrived", { age: formatDuration(localize, late) }));
  }
  if (episode?.acknowledged_at) {
    // Late alerts may have put its beginning before what somebody acknowledged.
    const heard = new Date(Math.min(...alerts.map((alert) => Date.parse(alert.received_at))));
    const minutes = Math.max(0, minutesBetween(isWhole ? heard : since, episode.acknowledged_at));
    const who = episode.acknowledged_by ?? localize("somebody");
    const age = formatDuration(localize, minutes);
    notes.push(localize("timeline_acknowledged", { who, age }));
  }
  return {
    time: clock.time(since),
    severity,
    what: titleOf(texts, worst, severity),
    notes: notes.filter(Boolean),
  };
}

/** What is known of its end, or else when it was last observed; "" if there is nothing to add. */
function lastOf(localize: Localize, clock: Clock, { since, alerts, episode }: Entry): string {
  const say = (key: TextKey, moment: string) =>
    localize(key, { time: timeBeside(clock, since, new Date(moment)) });
  if (episode?.ended_at && episode.end_reason === "newer_day") {
    return say("timeline_gone", episode.ended_at);
  }
  if (episode?.ended_at && episode.end_reason === "source") {
    return say("timeline_ended", episode.ended_at);
  }
  // What had expired before may still be reported as ended.
  const end = alerts.find((alert) => alert.state === "ended");
  if (end && episode?.ended_at !== null) {
    return say("timeline_ended", end.observed_at);
  }
  return episode && Date.parse(episode.last_seen) > since.getTime()
    ? say("timeline_seen", episode.last_seen)
    : "";
}

/** A time on a line of another: with the day, unless it is the same. */
function timeBeside(clock: Clock, line: Date, moment: Date): string {
  const day = clock.day(moment);
  return day === clock.day(line) ? clock.time(moment) : `${day}, ${clock.time(moment)}`;
}

const minutesBetween = (from: Date, to: string): number =>
  Math.floor((Date.parse(to) - from.getTime()) / 60_000);

const rankOf = ({ severity }: Alert): number => SEVERITIES.indexOf(severity);

/** What an alert is: "DRILL: Medication: Many doses not logged · high severity". */
function titleOf({ localize, stateName }: Texts, alert: Alert, severity: Severity): string {
  const { alert_type: type, subtype } = alert;
  const name = stateName("sensor.last_alert", type) || type;
  const detail = subtype && stateName(`sensor.${type}_status`, subtype.toLowerCase());
  const howBad = severityNames(localize)[severity];
  return (
    (alert.drill ? `${localize("drill")}: ` : "") +
    (detail ? `${name}: ${detail}` : name) +
    (howBad ? ` · ${howBad}` : "")
  );
}
