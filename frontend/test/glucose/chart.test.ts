import { expect, test } from "vitest";

import type { Reading, Threshold } from "../../src/data/model";
import {
  arrivalsOf,
  axisOf,
  bandOf,
  curveOf,
  marksOf,
  readingsIn,
  rowsOf,
  stepsOf,
} from "../../src/glucose/chart";
import { episode } from "../connection";

/** Readings at these minutes, live, with 100 mg/dL or another value. */
const readings = (...minutes: (number | [number, number])[]): Reading[] =>
  minutes.map((one) => {
    const [minute, value] = typeof one === "number" ? [one, 100] : one;
    return [minute * 60, minute * 60 + 20, value, null];
  });

const ALL = { from: 0, to: 100_000 };

test("readings are points, and gaps are gaps", () => {
  const { xs, ys, gaps } = curveOf(readings(0, 5, 10, 15, 20, 45, 50), "mg/dL");
  expect(gaps).toBe(1);
  expect(xs.map((at) => at / 60)).toEqual([0, 5, 10, 15, 20, 32.5, 45, 50]);
  expect(ys[5]).toBeNull();
  expect(ys.filter((value) => value === null)).toHaveLength(1);
});

test("a reading that is missing once is no gap, whatever the rhythm", () => {
  expect(curveOf(readings(0, 1, 2, 4, 5, 6), "mg/dL").gaps).toBe(0);
  expect(curveOf(readings(0, 15, 30, 60, 75), "mg/dL").gaps).toBe(0);
  expect(curveOf(readings(0, 15, 30, 75, 90), "mg/dL").gaps).toBe(1);
  expect(curveOf(readings(0, 300), "mg/dL").gaps).toBe(0);
});

test("what is beyond what the sensor can tell lies on the edge", () => {
  const { ys } = curveOf(
    [
      [0, null, 39, "low"],
      [300, null, 401, "high"],
      [600, null, 100, null],
    ],
    "mmol/L",
  );
  expect(ys.map((value) => value?.toFixed(2))).toEqual(["2.20", "22.20", "5.55"]);
});

test("the axis is fixed; one closer to the values makes no cliff of a hundredth", () => {
  expect(axisOf("mg/dL", false, [100])).toEqual([40, 400]);
  expect(axisOf("mmol/L", false, [6])).toEqual([2.2, 22.2]);
  expect(axisOf("mmol/L", true, [])).toEqual([2.2, 22.2]);
  const [low, high] = axisOf("mmol/L", true, [6.05, null, 6]);
  expect(high - low).toBeGreaterThan(3.9);
  const [least, most] = axisOf("mg/dL", true, [60, 300]);
  expect(least).toBeLessThan(60);
  expect(most).toBeGreaterThan(300);
});

test("thresholds are drawn with their history, the target range where there were both", () => {
  const at = (minute: number): string => new Date(minute * 60_000).toISOString();
  const thresholds: Threshold[] = [
    { kind: "low", value: 70, since: at(0) },
    { kind: "high", value: 180, since: at(10) },
    { kind: "low", value: 80, since: at(20) },
    { kind: "high", value: null, since: at(30) },
  ];
  const window = { from: 5 * 60, to: 40 * 60 };
  expect(stepsOf(thresholds, "low", window)).toEqual([
    { from: 300, to: 1200, value: 70 },
    { from: 1200, to: 2400, value: 80 },
  ]);
  expect(stepsOf(thresholds, "urgent_low", window)).toEqual([]);
  expect(bandOf(thresholds, window)).toEqual([
    { from: 600, to: 1200, low: 70, high: 180 },
    { from: 1200, to: 1800, low: 80, high: 180 },
  ]);
});

test("alerts are marked where they were observed, and where somebody took them", () => {
  const at = (iso: string): number => Date.parse(iso) / 1000;
  const opened_at = "2026-11-29T11:40:00Z";
  const acknowledged_at = "2026-11-29T11:50:00Z";
  const window = { from: at(opened_at), to: at("2026-11-29T12:00:00Z") };
  const episodes = [episode("e", { opened_at, acknowledged_at }), episode("d", { drill: true })];
  expect(marksOf(episodes, window).map(({ at, kind }) => [at, kind])).toEqual([
    [at(opened_at), "alert"],
    [at(acknowledged_at), "acknowledged"],
  ]);
  expect(marksOf(episodes, { ...window, to: window.from + 60 })).toHaveLength(1);
});

test("what arrived late in one go is one tick", () => {
  const late: Reading[] = [0, 300, 600].map((at) => [at, 7210 + at / 100, 100, null]);
  expect(arrivalsOf([...late, [900, null, 100, null], ...readings(120)], ALL)).toEqual([7200]);
});

test("a table has each reading, or the lowest and highest of a time, the newest first", () => {
  const some = readings(0, [10, 60], [20, 250], 70);
  expect(rowsOf(some, 0)).toHaveLength(4);
  const rows = rowsOf(some, 3600);
  expect(rows.map(({ at, count, lowest, highest }) => [at, count, lowest[2], highest[2]])).toEqual([
    [3600, 1, 100, 100],
    [0, 3, 60, 250],
  ]);
});

test("only what lies in the window is shown", () => {
  expect(readingsIn(readings(0, 5, 10), { from: 300, to: 400 })).toHaveLength(1);
});

test("14 days of a sensor that tells each minute are no work", () => {
  const many = readings(...Array.from({ length: 20_160 }, (_, minute) => minute));
  const started = performance.now();
  expect(curveOf(many, "mmol/L").xs).toHaveLength(20_160);
  expect(axisOf("mmol/L", true, curveOf(many, "mmol/L").ys)).toHaveLength(2);
  expect(performance.now() - started).toBeLessThan(500);
});
