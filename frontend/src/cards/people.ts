/** Who needs somebody, what is wrong with what is heard, and in which order that is shown. */
import type { FeedState, Problem } from "../data/feed";
import type { Episode, Glucose, Person } from "../data/model";
import { SEVERITIES } from "../severity";
import { asEach } from "./same";

/** A person of whom something is shown, as far as anything is known of them. */
export interface Watched {
  id: string;
  /** As the registry has it. */
  name: string;
  state: FeedState;
  /** Where several sources have them, what this one alone has, and the others. */
  own?: Watched;
  also?: Watched[];
}

/** An episode, and whose it is. */
export interface Case {
  person: Person;
  episode: Episode;
}

/** One cause for which nothing sure is known of people. */
export interface Trouble {
  /** The person's status, or why the page itself knows nothing newer. */
  cause: { status: string; source: string } | { problem: Problem };
  people: string[];
  /** Up to when the least is known; null where that is not known either. */
  reach: string | null;
  wayOut: string | null;
}

const severityOf = ({ severity }: Episode): number => SEVERITIES.indexOf(severity);

/** What is real before a test alert, then the worst, then the newest. */
function byUrgency({ episode: one }: Case, { episode: other }: Case): number {
  return (
    Number(one.drill) - Number(other.drill) ||
    severityOf(other) - severityOf(one) ||
    Date.parse(other.opened_at) - Date.parse(one.opened_at)
  );
}

function casesOf(people: readonly Watched[], wanted: (episode: Episode) => boolean): Case[] {
  return people
    .flatMap(({ state: { data } }) =>
      (data?.episodes ?? [])
        .filter(wanted)
        .map((episode) => ({ person: (data as { person: Person }).person, episode })),
    )
    .sort(byUrgency);
}

/** What needs somebody, the worst first. */
export const needingCases = (people: readonly Watched[]): Case[] =>
  casesOf(people, ({ needs_somebody }) => needs_somebody);

/** What is open and needs nobody else: somebody has it, or it is snoozed. */
export const answeredCases = (people: readonly Watched[]): Case[] =>
  casesOf(
    people,
    ({ is_open, needs_somebody, acknowledged_at, snoozed_until }) =>
      is_open && !needs_somebody && !!(acknowledged_at ?? snoozed_until),
  );

/** Whether nothing sure is known of somebody by a source. */
export const isUnsure = ({ state: { data, problem } }: Watched): boolean =>
  !!problem || (!!data && isTroubled(data.person));

export const isTroubled = ({ silent, status }: Person): boolean => silent || status !== "ok";

/** From the worst: first what only a person can mend. */
const STATUSES = [
  "login_failed",
  "permission_lost",
  "not_running",
  "unreachable",
  "rate_limited",
  "no_new_data",
];

/** What is wrong, one entry a cause, the worst first. A user without the right to somebody hears nothing of them. */
export function troublesOf(people: readonly Watched[]): Trouble[] {
  const troubles = new Map<string, Trouble & { rank: number }>();
  const add = (
    key: string,
    name: string,
    reach: string | null,
    made: Omit<Trouble, "people" | "reach">,
    rank: number,
  ): void => {
    const known = troubles.get(key);
    if (!known) {
      troubles.set(key, { ...made, people: [name], reach, rank });
      return;
    }
    known.people.push(name);
    known.reach = earlier(known.reach, reach);
    known.rank = Math.min(known.rank, rank);
  };
  for (const { name, state } of asEach(people)) {
    const { data, problem } = state;
    if (problem && problem.kind !== "unauthorized") {
      add(
        problem.kind,
        data?.person.name ?? name,
        data?.person.data_through ?? null,
        { cause: { problem }, wayOut: null },
        -1,
      );
    } else if (data && isTroubled(data.person)) {
      const { source_name, silent, silent_reason, way_out, data_through } = data.person;
      const status = statusOf(data.person);
      const rank = (silent ? 0 : STATUSES.length) + STATUSES.indexOf(status);
      const cause = { status, source: source_name };
      add(
        JSON.stringify([source_name, status, way_out, silent_reason]),
        data.person.name,
        data_through,
        { cause, wayOut: way_out },
        rank,
      );
    }
  }
  return [...troubles.values()].sort((one, other) => one.rank - other.rank);
}

/** What is wrong with what is heard of somebody: their status, or for what reason nothing comes. */
export const statusOf = ({ status, silent_reason }: Person): string =>
  status === "ok" ? (silent_reason ?? "no_new_data") : status;

const earlier = (one: string | null, other: string | null): string | null =>
  one === null || other === null ? null : Date.parse(one) < Date.parse(other) ? one : other;

/** Those whose source is fine, and speaks of the past only. */
export const delayedPeople = (people: readonly Watched[]): Person[] =>
  asEach(people).flatMap(({ state: { data } }) =>
    data?.person.is_delayed && !isTroubled(data.person) ? [data.person] : [],
  );

/** Whether there is somebody of whom something is known that may be believed. */
export const isAnythingKnown = (people: readonly Watched[]): boolean =>
  asEach(people).some(
    ({ state: { data, problem } }) => data && !problem && !isTroubled(data.person),
  );

/** Whether a value may be shown as of the present, which ends by itself. */
export const isNow = ({ is_now, until }: Glucose, now: Date): boolean =>
  is_now && (until === null || now.getTime() < Date.parse(until));

/** People as they are listed: the worst first, those alike by name. */
export function worstFirst(people: readonly Watched[], language: string): Watched[] {
  const ranks = new Map(people.map((one) => [one, rankOf(one)]));
  return [...people].sort(
    (one, other) =>
      (ranks.get(other) ?? 0) - (ranks.get(one) ?? 0) ||
      one.name.localeCompare(other.name, language),
  );
}

/** Who needs somebody, then of whom nothing sure is known, then whom somebody has, then all others. */
function rankOf(one: Watched): number {
  const [needing] = needingCases([one]);
  if (needing) {
    return needing.episode.drill ? 4 : 40 + severityOf(needing.episode);
  }
  const troubled = asEach([one]).filter(isUnsure);
  if (troubled.length) {
    return troubled.every(({ state: { data } }) => data?.person.silent === false) ? 20 : 21;
  }
  const [answered] = answeredCases([one]);
  return answered && !answered.episode.drill ? 10 + severityOf(answered.episode) : 0;
}

/** How much of it is left of a value that fades with its age: 1 at first, and never too pale to be read. */
export function freshness({ observed_at, until }: Glucose, now: Date): number {
  const observed = Date.parse(observed_at);
  const life = until === null ? FADES_MS : Math.max(1, Date.parse(until) - observed);
  const age = Math.max(0, now.getTime() - observed);
  return 1 - (1 - PALEST) * Math.min(1, age / life);
}

/** Ours: as long as a glucose value is of the present (15 minutes), and as pale as keeps a contrast of 4.5 to 1. */
const FADES_MS = 15 * 60_000;
const PALEST = 0.72;
