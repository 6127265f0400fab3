import { SEVERITIES } from "../severity";
import type { Alert } from "./alerts";

/** Alerts of one type that follow each other: one line of the timeline. */
export interface Episode {
  /** The first, with the worst severity of all. */
  alert: Alert;
  from: Date;
  /** When it was last observed. */
  seen: Date;
  /** Whether the source said that it ended. */
  ended: boolean;
}

/** How long after an alert another of its type still belongs to it (ours). */
const SAME_EPISODE_MS = 3_600_000;

/**
 * Group alerts, oldest first, until the source says that it ended, or nothing came for an hour.
 *
 * The only place in the browser that knows where an episode begins and ends.
 */
export function groupEpisodes(alerts: Alert[]): Episode[] {
  const episodes: Episode[] = [];
  const open = new Map<string, Episode>();
  for (const alert of alerts) {
    const key = `${alert.alert_type} ${alert.drill}`;
    const moment = new Date(alert.observed_at);
    const ended = alert.state === "ended";
    let episode = open.get(key);
    if (episode && (ended || moment.getTime() - episode.seen.getTime() <= SAME_EPISODE_MS)) {
      episode.seen = moment;
      if (SEVERITIES.indexOf(alert.severity) > SEVERITIES.indexOf(episode.alert.severity)) {
        episode.alert = { ...episode.alert, severity: alert.severity };
      }
    } else {
      episode = { alert, from: moment, seen: moment, ended: false };
      episodes.push(episode);
      open.set(key, episode);
    }
    if (ended) {
      episode.ended = true;
      open.delete(key);
    }
  }
  return episodes;
}
