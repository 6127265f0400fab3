import type { Reading } from "./model";

/** Add readings to what is known, oldest first; a later one of the same second replaces. `since`: older ones go. */
export function mergeReadings(
  known: readonly Reading[],
  news: readonly Reading[],
  since: number,
): readonly Reading[] {
  const isRecent = ([observed]: Reading): boolean => observed >= since;
  const oldest = known[0];
  if (!news.length) {
    return oldest && !isRecent(oldest) ? known.filter(isRecent) : known;
  }
  const merged = new Map([...known, ...news].filter(isRecent).map((one) => [one[0], one]));
  return [...merged.values()].sort(([one], [other]) => one - other);
}
