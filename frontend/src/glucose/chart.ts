/** What the curve shows, worked out of readings, thresholds and episodes; seconds since 1970 throughout. */
import type { Episode, GlucoseUnit, Reading, Threshold } from "../data/model";
import type { Severity } from "../severity";

const MG_DL_PER_MMOL_L = 18.0156;

/** What a sensor can tell, which is what the axis shows. */
const AXIS: Record<GlucoseUnit, [number, number]> = { "mg/dL": [40, 400], "mmol/L": [2.2, 22.2] };

/** Ours: an axis closer to the values still spans this much, so that 6.05 to 6.00 is no cliff. */
const CLOSEST_MG_DL = 72;

/** Ours: what reaches us within this is live, however slow the phone. */
const LIVE_SECONDS = 300;

/** Ours: with more than this many times the usual distance between two readings, some are missing. */
const GAP_FACTOR = 2.5;

export interface Window {
  from: number;
  to: number;
}

const isIn = ({ from, to }: Window, moment: number): boolean => from <= moment && moment <= to;

export const inUnit = (mgDl: number, unit: GlucoseUnit): number =>
  unit === "mmol/L" ? mgDl / MG_DL_PER_MMOL_L : mgDl;

export const readingsIn = (readings: readonly Reading[], window: Window): Reading[] =>
  readings.filter(([observed]) => isIn(window, observed));

/** The distance from one reading to the next from which on there is a gap; none among fewer than three readings. */
export function gapSeconds(readings: readonly Reading[]): number {
  const distances = readings
    .slice(1)
    .map(([observed], index) => observed - (readings[index]?.[0] ?? observed))
    .sort((one, other) => one - other);
  const usual = distances[Math.floor(distances.length / 2)];
  return usual === undefined || distances.length < 2 ? Infinity : usual * GAP_FACTOR;
}

export interface Curve {
  /** When each was observed. */
  xs: number[];
  /** In the unit; null in the middle of a gap. What is beyond what the sensor can tell lies on the edge of the axis. */
  ys: (number | null)[];
  gaps: number;
}

/** Readings as points, gaps as gaps. */
export function curveOf(readings: readonly Reading[], unit: GlucoseUnit): Curve {
  const [lowest, highest] = AXIS[unit];
  const gap = gapSeconds(readings);
  const curve: Curve = { xs: [], ys: [], gaps: 0 };
  let before: number | undefined;
  for (const [observed, , mgDl, outOfRange] of readings) {
    if (before !== undefined && observed - before > gap) {
      curve.xs.push((before + observed) / 2);
      curve.ys.push(null);
      curve.gaps += 1;
    }
    const value = inUnit(mgDl, unit);
    curve.xs.push(observed);
    curve.ys.push(
      outOfRange === "low"
        ? lowest
        : outOfRange === "high"
          ? highest
          : Math.min(highest, Math.max(lowest, value)),
    );
    before = observed;
  }
  return curve;
}

/** Where a threshold was what, and until when. */
export interface Step extends Window {
  value: number;
}

/** The history of a kind of threshold, as far as it lies in the window. */
export function stepsOf(
  thresholds: readonly Threshold[],
  kind: Threshold["kind"],
  window: Window,
): Step[] {
  const changes = thresholds
    .filter((one) => one.kind === kind)
    .map(({ value, since }) => ({ value, since: Date.parse(since) / 1000 }))
    .sort((one, other) => one.since - other.since);
  return changes.flatMap(({ value, since }, index) => {
    const from = Math.max(window.from, since);
    const to = Math.min(window.to, changes[index + 1]?.since ?? Infinity);
    return value !== null && from < to ? [{ from, to, value }] : [];
  });
}

/** Where the target range was between which values: where there was a threshold on either side. */
export function bandOf(
  thresholds: readonly Threshold[],
  window: Window,
): (Window & { low: number; high: number })[] {
  const highs = stepsOf(thresholds, "high", window);
  return stepsOf(thresholds, "low", window).flatMap((low) =>
    highs.flatMap((high) => {
      const from = Math.max(low.from, high.from);
      const to = Math.min(low.to, high.to);
      return from < to ? [{ from, to, low: low.value, high: high.value }] : [];
    }),
  );
}

export interface Mark {
  at: number;
  kind: "alert" | "acknowledged";
  severity: Severity;
}

/** Alerts where they were observed, and where somebody took them; test alerts say nothing of glucose. */
export const marksOf = (episodes: readonly Episode[], window: Window): Mark[] =>
  episodes
    .filter(({ drill }) => !drill)
    .flatMap(({ opened_at, acknowledged_at, severity }): Mark[] => [
      { at: Date.parse(opened_at) / 1000, kind: "alert", severity },
      ...(acknowledged_at
        ? [{ at: Date.parse(acknowledged_at) / 1000, kind: "acknowledged" as const, severity }]
        : []),
    ])
    .filter(({ at }) => isIn(window, at));

/** When readings arrived that were not live: one moment for what came in one go. */
export function arrivalsOf(readings: readonly Reading[], window: Window): number[] {
  const minutes = new Set<number>();
  for (const [observed, received] of readings) {
    if (received !== null && received - observed > LIVE_SECONDS && isIn(window, received)) {
      minutes.add(Math.floor(received / 60) * 60);
    }
  }
  return [...minutes].sort((one, other) => one - other);
}

/** From where to where the axis goes: fixed, or closer to the values and thresholds there are. */
export function axisOf(
  unit: GlucoseUnit,
  isClose: boolean,
  values: readonly (number | null)[],
): [number, number] {
  const [lowest, highest] = AXIS[unit];
  const known = values.filter((value) => value !== null);
  if (!isClose || !known.length) {
    return [lowest, highest];
  }
  const [least, most] = rangeOf(known);
  const room = Math.max(inUnit(CLOSEST_MG_DL, unit) - (most - least), (most - least) * 0.1) / 2;
  return [Math.max(0, least - room), most + room];
}

/** Least and most; spreading thousands of values into a call is slow, and may not fit. */
function rangeOf(values: readonly number[]): [number, number] {
  let [least, most] = [Infinity, -Infinity];
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return [least, most];
}

export interface Row {
  /** The reading's moment, or where the time of several begins. */
  at: number;
  lowest: Reading;
  highest: Reading;
  count: number;
}

/** What a table says in place of the curve: each reading, or of each so many seconds the lowest and the highest. */
export function rowsOf(readings: readonly Reading[], seconds: number): Row[] {
  const rows = new Map<number, Row>();
  for (const reading of readings) {
    const at = seconds ? Math.floor(reading[0] / seconds) * seconds : reading[0];
    const row = rows.get(at);
    if (row) {
      row.count += 1;
      row.lowest = reading[2] < row.lowest[2] ? reading : row.lowest;
      row.highest = reading[2] > row.highest[2] ? reading : row.highest;
    } else {
      rows.set(at, { at, lowest: reading, highest: reading, count: 1 });
    }
  }
  return [...rows.values()].reverse();
}
