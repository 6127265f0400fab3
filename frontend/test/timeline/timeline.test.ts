import { expect, test } from "vitest";

import type { Episode, Person } from "../../src/data/model";
import { timelineOf, type TimelineDay, type TimelineLine } from "../../src/timeline/timeline";
import { episode as openEpisode, person } from "../connection";
import { wordingAt } from "../home";

const SINCE = new Date("2026-11-26T12:00:00Z");

const timeline = (episodes: Episode[], of: Person = person("anna")): TimelineDay[] =>
  timelineOf(
    wordingAt(new Date("2026-11-29T12:00:00Z")),
    { person: of, episodes, readings: [] },
    SINCE,
  );

const linesOf = (...episodes: Episode[]): TimelineLine[] =>
  timeline(episodes).flatMap(({ lines }) => lines);

/** Observed on 29 November, an hour earlier in UTC than at home. */
const at = (time: string): string => `2026-11-29T${time}:00+00:00`;

/** An episode that was observed once, at a moment, and heard of at once. */
const episode = (opened_at: string, more: Partial<Episode> = {}): Episode =>
  openEpisode(opened_at, {
    opened_at,
    received_at: opened_at,
    last_seen_at: opened_at,
    first: { value: null, out_of_range: null },
    ...more,
  });

/** The notes on the one line there is. */
function notes(more: Partial<Episode>, opened_at = at("08:00")): string {
  const lines = linesOf(episode(opened_at, more));
  expect(lines).toHaveLength(1);
  return lines[0]?.notes.join(" ") ?? "";
}

test("the newest comes first, under the day it was observed on in the home's time", () => {
  const days = timeline([
    episode("2026-11-28T22:30:00Z"),
    episode("2026-11-28T23:05:00Z", { alert_type: "high" }),
    episode("2026-11-29T08:00:00Z"),
  ]);
  expect(days.map(({ name, lines }) => [name, lines.map(({ time }) => time)])).toEqual([
    ["Sunday 29 November", ["09:00", "00:05"]],
    ["Saturday 28 November", ["23:30"]],
  ]);
});

test("what was over before the days shown is left out, what goes on is not", () => {
  const old = "2026-11-25T08:00:00Z";
  const lines = linesOf(
    episode(old, { is_open: false, ended_at: old }),
    episode("2026-11-25T09:00:00Z"),
    episode("2026-11-25T10:00:00Z", { is_open: false, last_seen_at: at("08:00") }),
  );
  expect(lines.map(({ time }) => time)).toEqual(["11:00", "10:00"]);
});

test("each line has its episode, and says what, how bad, and in which detail", () => {
  const lines = linesOf(
    episode(at("08:00")),
    episode(at("09:00"), { alert_type: "medication", severity: "high", subtype: "many_missed" }),
    episode(at("10:00"), { alert_type: "brand_new", severity: "low" }),
    episode(at("11:00"), { drill: true }),
    episode(at("11:30"), { alert_type: "weight", severity: "high", subtype: "too_fast" }),
  );
  expect(lines.map(({ what }) => what)).toEqual([
    "Weight: Losing fast · high severity",
    "DRILL: Low · medium severity",
    "brand_new",
    "Medication · high severity",
    "Low · medium severity",
  ]);
  expect(lines[4]?.id).toBe(at("08:00"));
});

test("it says how it ended, as far as anybody knows", () => {
  const last = { last_seen_at: at("08:40") };
  const ended = { ...last, is_open: false, ended_at: at("10:40") };
  expect(notes({})).toBe("");
  expect(notes(last)).toBe("Observed until 09:40.");
  expect(notes({ ...ended, end_reason: "source" })).toBe("The alert ended at 11:40.");
  expect(notes({ ...ended, end_reason: "expired" })).toBe("Observed until 09:40.");
  expect(notes({ ...ended, end_reason: "newer_day" })).toBe("No longer reported as of 11:40.");
});

test("a time on another day than the line's has its day", () => {
  const ended_at = "2026-12-01T06:00:00+00:00";
  expect(notes({ ended_at, end_reason: "newer_day" }, at("03:00"))).toBe(
    "No longer reported as of Tuesday 1 December, 07:00.",
  );
});

test("it says when it was handled on the person's own device, and that nobody here has it by that", () => {
  const acknowledged_at = at("08:12");
  const handled_on_device_at = at("08:05");
  expect(notes({ handled_on_device_at })).toBe("Handled on the device at 09:05.");
  expect(notes({ handled_on_device_at, acknowledged_at })).toBe(
    "Handled on the device at 09:05. Acknowledged by somebody after 12 min.",
  );
  expect(notes({ handled_on_device_at: "2026-11-29T00:05:00Z" }, "2026-11-28T22:50:00Z")).toBe(
    "Handled on the device at Sunday 29 November, 01:05.",
  );
});

test("it says who acknowledged it, and how long after it arrived", () => {
  const acknowledged_at = at("08:12");
  expect(notes({ acknowledged_at, acknowledged_by: "Anna" })).toBe(
    "Acknowledged by Anna after 12 min.",
  );
  expect(notes({ acknowledged_at })).toBe("Acknowledged by somebody after 12 min.");
  expect(notes({ acknowledged_at, received_at: at("08:10") })).toBe(
    "Acknowledged by somebody after 2 min.",
  );
});

test("that it arrived later is said only where that was later than usual", () => {
  const received_at = "2026-11-29T10:30:40Z";
  expect(notes({ received_at })).toBe("");
  expect(notes({ received_at, late: true })).toBe("Arrived 2 h 30 min later.");
  expect(notes({ received_at: "2026-11-29T08:00:30Z", late: true })).toBe("");
});

test("glucose is said in the person's unit, and in words beyond what a sensor can tell", () => {
  expect(notes({ first: { value: 3.8, out_of_range: null } })).toBe("Glucose then: 3.8 mmol/L.");
  expect(notes({ first: { value: 2.2, out_of_range: "low" } })).toBe(
    "Glucose then: LOW, below what the sensor can tell.",
  );
  const [day] = timeline(
    [episode(at("08:00"), { unit: "mg/dL", first: { value: 68, out_of_range: null } })],
    person("anna", { unit: "mg/dL" }),
  );
  expect(day?.lines[0]?.notes).toEqual(["Glucose then: 68 mg/dL."]);
});
