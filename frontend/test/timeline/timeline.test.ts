import { expect, test } from "vitest";

import type { Alert } from "../../src/timeline/alerts";
import { groupEpisodes } from "../../src/timeline/episodes";
import { timelineOf, type Timeline } from "../../src/timeline/timeline";
import { alert, home, texts } from "../home";

const timeline = (alerts: Alert[], unavailable: string[] = []): Timeline =>
  timelineOf(home(), texts, groupEpisodes(alerts), unavailable, "mmol/L");

test("the newest comes first, under the day it was observed on in the home's time", () => {
  const { days, notes } = timeline([
    alert("2026-11-28T22:30:00Z"),
    alert("2026-11-28T23:05:00Z", { alert_type: "high" }),
    alert("2026-11-29T08:00:00Z"),
  ]);
  expect(days.map(({ name, lines }) => [name, lines.map(({ time }) => time)])).toEqual([
    ["Sunday 29 November", ["09:00", "00:05"]],
    ["Saturday 28 November", ["23:30"]],
  ]);
  expect(notes).toEqual([]);
});

test("it says what, how bad, and in which detail", () => {
  const { days } = timeline([
    alert("2026-11-29T08:00:00Z"),
    alert("2026-11-29T09:00:00Z", { alert_type: "medication", subtype: null, severity: "high" }),
    alert("2026-11-29T10:00:00Z", { alert_type: "brand_new", severity: "low" }),
    alert("2026-11-29T11:00:00Z", { drill: true }),
  ]);
  expect(days[0]?.lines.map(({ what }) => what)).toEqual([
    "DRILL: Low · medium severity",
    "brand_new",
    "Medication · high severity",
    "Low · medium severity",
  ]);
});

test("it says until when it was observed, that it ended, and how late it arrived", () => {
  const notes = (...alerts: Alert[]): string | undefined =>
    timeline(alerts).days[0]?.lines[0]?.notes.join(" ");
  const first = alert("2026-11-29T08:00:00Z", { details: { value_mg_dl: 68 } });
  const last = alert("2026-11-29T08:40:00Z");
  expect(notes(first)).toBe("Glucose then: 3.8 mmol/L.");
  expect(notes(first, last)).toBe("Glucose then: 3.8 mmol/L. Observed until 09:40.");
  expect(notes(first, { ...last, state: "ended" })).toContain("Reported as ended at 09:40.");
  const late = { ...first, details: {}, late: true, received_at: "2026-11-29T10:30:40Z" };
  expect(notes(late)).toBe("Arrived 2 h 30 min later.");
  expect(notes({ ...late, received_at: "2026-11-29T08:00:30Z" })).toBe("");
});

test("it says that there is nothing, and of which days nothing is known", () => {
  expect(timeline([], ["2026-11-27", "2026-11-28"])).toEqual({
    days: [],
    notes: [
      "None has arrived.",
      "Nothing sure is known of Friday 27 November, Saturday 28 November.",
    ],
  });
});
