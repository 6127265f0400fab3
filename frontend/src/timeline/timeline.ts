import { glucoseInWords, titleOf, witnessesText, type Wording } from "../cards/wording";
import type { PersonData } from "../data/feed";
import type { Episode } from "../data/model";
import type { Severity } from "../severity";
import { formatDuration } from "../time";

export interface TimelineDay {
  name: string;
  /** The newest first. */
  lines: TimelineLine[];
}

/** An episode in words. */
export interface TimelineLine {
  id: string;
  time: string;
  severity: Severity;
  what: string;
  notes: string[];
}

/** Put the episodes since a moment into words, the newest first, under the days on which they were observed. */
export function timelineOf(wording: Wording, { episodes }: PersonData, since: Date): TimelineDay[] {
  const { clock } = wording;
  const days: TimelineDay[] = [];
  for (const episode of newestFirst(episodes, since)) {
    const name = clock.day(new Date(episode.opened_at));
    let day = days[days.length - 1];
    if (day?.name !== name) {
      day = { name, lines: [] };
      days.push(day);
    }
    day.lines.push(lineOf(wording, episode));
  }
  return days;
}

/** What was still observed since then; of the same moment, too, the later comes first. */
const newestFirst = (episodes: readonly Episode[], since: Date): Episode[] =>
  episodes
    .filter(({ last_seen_at, is_open }) => is_open || Date.parse(last_seen_at) >= since.getTime())
    .reverse()
    .sort((one, other) => Date.parse(other.opened_at) - Date.parse(one.opened_at));

function lineOf(wording: Wording, episode: Episode): TimelineLine {
  const { localize, clock } = wording;
  const { opened_at, received_at, late, unit } = episode;
  const { acknowledged_at, acknowledged_by, handled_on_device_at } = episode;
  const notes: string[] = [];
  const { value, out_of_range } = episode.first;
  if (value !== null) {
    notes.push(
      localize("glucose_then", { value: glucoseInWords(wording, { value, out_of_range }, unit) }),
    );
  }
  notes.push(lastOf(wording, episode));
  const delay = minutesBetween(opened_at, received_at);
  if (late && delay > 0) {
    notes.push(localize("timeline_arrived", { age: formatDuration(localize, delay) }));
  }
  if (episode.witnesses) {
    notes.push(`${witnessesText(wording, episode)}.`);
  }
  if (handled_on_device_at) {
    notes.push(localize("handled_on_device", timeBeside(wording, episode, handled_on_device_at)));
  }
  if (acknowledged_at) {
    const who = acknowledged_by ?? localize("somebody");
    const minutes = Math.max(0, minutesBetween(received_at, acknowledged_at));
    notes.push(localize("timeline_acknowledged", { who, age: formatDuration(localize, minutes) }));
  }
  return {
    id: episode.episode_id,
    time: clock.time(new Date(opened_at)),
    severity: episode.severity,
    what: titleOf(wording, episode),
    notes: notes.filter(Boolean),
  };
}

/** What is known of its end, or else when it was last observed; "" if there is nothing to add. */
function lastOf(wording: Wording, episode: Episode): string {
  const { localize } = wording;
  const { opened_at, last_seen_at, ended_at, end_reason } = episode;
  const at = (iso: string): { time: string } => timeBeside(wording, episode, iso);
  if (ended_at && end_reason === "newer_day") {
    return localize("timeline_gone", at(ended_at));
  }
  if (ended_at && end_reason === "source") {
    return localize("timeline_ended", at(ended_at));
  }
  return Date.parse(last_seen_at) > Date.parse(opened_at)
    ? localize("timeline_seen", at(last_seen_at))
    : "";
}

/** A time beside that of an episode: with its day, if that is another. */
function timeBeside({ clock }: Wording, { opened_at }: Episode, iso: string): { time: string } {
  const moment = new Date(iso);
  const day = clock.day(moment);
  const time = clock.time(moment);
  return { time: day === clock.day(new Date(opened_at)) ? time : `${day}, ${time}` };
}

const minutesBetween = (from: string, to: string): number =>
  Math.floor((Date.parse(to) - Date.parse(from)) / 60_000);
