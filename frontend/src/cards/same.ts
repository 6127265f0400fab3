/** One person whom several sources have: one card, and one episode of what they have all seen. */
import type { PersonData } from "../data/feed";
import type { Episode, Glucose, Witness } from "../data/model";
import type { Watched } from "./people";

/** People as the household has them; whoever several sources have is one, with who speaks of the present first. */
export function asOne(people: readonly Watched[]): Watched[] {
  const groups = new Map<string, Watched[]>();
  for (const one of people) {
    const key = one.state.data?.person.same_as.join() || one.id;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].map(joined);
}

/** Of a group of people all, each as their own source has them. */
export const asEach = (people: readonly Watched[]): Watched[] =>
  people.flatMap((one) => [one.own ?? one, ...(one.also ?? [])]);

function joined(group: Watched[]): Watched {
  const all = group.flatMap(({ state: { data } }) => data ?? []);
  return [...group]
    .sort((one, other) => lateness(one) - lateness(other))
    .reduce((first, other) => withOther(first, other, all));
}

/** The first of a group, with another of it; nothing is known of what is by itself. */
function withOther(first: Watched, other: Watched, all: readonly PersonData[]): Watched {
  const { own = first, also = [] } = first;
  if (!own.state.data) {
    return first;
  }
  const { person, readings } = own.state.data;
  const newest = all.reduce((one, next) => (isNewer(next, one) ? next : one));
  const { glucose, unit } = newest.person;
  const data = { person: { ...person, glucose, unit }, readings, episodes: episodesOf(all) };
  return { ...own, state: { ...own.state, data }, own, also: [...also, other] };
}

const lateness = ({ state: { data } }: Watched): number => Number(data?.person.is_delayed ?? true);

const isNewer = ({ person: one }: PersonData, { person: other }: PersonData): boolean =>
  observed(one.glucose) > observed(other.glucose);

const observed = (glucose: Glucose | null): number =>
  glucose ? Date.parse(glucose.observed_at) : 0;

/** Oldest first; what several have seen once, as the worst of it is. */
function episodesOf(all: readonly PersonData[]): Episode[] {
  const seen = new Map<string, Episode[]>();
  for (const episode of all.flatMap(({ episodes }) => episodes)) {
    seen.set(episode.episode_id, [...(seen.get(episode.episode_id) ?? []), episode]);
  }
  return [...seen.values()]
    .map(episodeOf)
    .sort((one, other) => before(one.opened_at, other.opened_at));
}

const before = (one: string, other: string): number => Date.parse(one) - Date.parse(other);

function episodeOf(parts: Episode[]): Episode {
  const [any] = parts as [Episode];
  // It may be of a source that this user may not see.
  const worst = parts.find(({ is_worst }) => is_worst) ?? any;
  const inTurn = [...parts].sort((one, other) => before(one.received_at, other.received_at));
  const witnesses = new Map<string, Witness>();
  for (const { source, opened_at, received_at, is_live } of inTurn) {
    const known = witnesses.get(source);
    if (!known || before(opened_at, known.opened_at) < 0) {
      witnesses.set(source, { source, opened_at, received_at, is_live });
    }
  }
  const [first] = inTurn as [Episode];
  const [opened] = [...parts].sort((one, other) => before(one.opened_at, other.opened_at)) as [
    Episode,
  ];
  return {
    ...worst,
    opened_at: opened.opened_at,
    received_at: first.received_at,
    late: parts.every(({ late }) => late),
    ...(witnesses.size > 1 && { witnesses: [...witnesses.values()] }),
  };
}
