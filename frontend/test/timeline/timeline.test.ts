import { describe, expect, test } from "vitest";

import type { Alert, Alerts, Episode } from "../../src/timeline/alerts";
import { timelineOf, type Timeline, type TimelineLine } from "../../src/timeline/timeline";
import { alert, answerOf, episode, home, texts } from "../home";

const timeline = (answer: Alerts): Timeline => timelineOf(home(), texts, answer, "mmol/L");

const linesOf = (answer: Alerts): TimelineLine[] =>
  timeline(answer).days.flatMap(({ lines }) => lines);

/** Observed on 29 November, an hour earlier in UTC than at home. */
const at = (time: string): string => `2026-11-29T${time}:00+00:00`;

/** The notes on the one line there is, of an episode with alerts at these times. */
function notes(more: Partial<Episode>, ...times: string[]): string {
  const since = at(times[0] ?? "");
  const alerts = times.map((time) => alert(at(time), { episode_id: "it" }));
  const lines = linesOf(answerOf(alerts, [episode("it", since, more)]));
  expect(lines).toHaveLength(1);
  return lines[0]?.notes.join(" ") ?? "";
}

test("the newest comes first, under the day it was observed on in the home's time", () => {
  const { days, notes } = timeline(
    answerOf([
      alert("2026-11-28T22:30:00Z"),
      alert("2026-11-28T23:05:00Z", { alert_type: "high" }),
      alert("2026-11-29T08:00:00Z"),
    ]),
  );
  expect(days.map(({ name, lines }) => [name, lines.map(({ time }) => time)])).toEqual([
    ["Sunday 29 November", ["09:00", "00:05"]],
    ["Saturday 28 November", ["23:30"]],
  ]);
  expect(notes).toEqual([]);
});

test("it says what, how bad, and in which detail", () => {
  const lines = linesOf(
    answerOf([
      alert("2026-11-29T08:00:00Z"),
      alert("2026-11-29T09:00:00Z", { alert_type: "medication", severity: "high" }),
      alert("2026-11-29T10:00:00Z", { alert_type: "brand_new", severity: "low" }),
      alert("2026-11-29T11:00:00Z", { drill: true }),
    ]),
  );
  expect(lines.map(({ what }) => what)).toEqual([
    "DRILL: Low · medium severity",
    "brand_new",
    "Medication · high severity",
    "Low · medium severity",
  ]);
});

describe("Home Assistant says what belongs together", () => {
  test("lows at 0, 90 and 150 minutes that are one episode are one line", () => {
    const seen = { last_seen: at("10:30") };
    expect(notes(seen, "08:00", "09:30", "10:30")).toBe("Observed until 11:30.");
  });

  test("urgent lows at 16:25 and 16:37 that are two episodes are two lines", () => {
    const lines = linesOf(
      answerOf(
        [alert(at("15:25"), { episode_id: "one" }), alert(at("15:37"), { episode_id: "two" })],
        [
          episode("one", at("15:25"), { ended_at: at("15:31"), end_reason: "source" }),
          episode("two", at("15:37")),
        ],
      ),
    );
    expect(lines.map(({ time, notes }) => [time, ...notes])).toEqual([
      ["16:37"],
      ["16:25", "Reported as ended at 16:31."],
    ]);
  });

  test("what belongs to no episode has a line of its own", () => {
    const ended = alert(at("10:00"), { state: "ended" });
    const lines = linesOf(
      answerOf([alert(at("08:00")), alert(at("08:01")), ended], [episode("it", at("08:00"))]),
    );
    expect(lines.map(({ time, notes }) => [time, ...notes])).toEqual([
      ["11:00", "Reported as ended at 11:00."],
      ["09:01"],
      ["09:00"],
    ]);
  });

  test("a line stands where its episode began, whatever came in between", () => {
    const of = (id: string, time: string, more: Partial<Alert> = {}): Alert =>
      alert(at(time), { episode_id: id, ...more });
    const lines = linesOf(
      answerOf(
        [of("high", "08:30", { alert_type: "high" }), of("low", "08:40"), of("low", "09:00")],
        [episode("low", at("07:00")), episode("high", at("08:30"))],
      ),
    );
    expect(lines.map(({ time, what }) => [time, what])).toEqual([
      ["09:30", "High · medium severity"],
      ["08:00", "Low · medium severity"],
    ]);
  });
});

test("the severity is the episode's, the detail that of its worst alert", () => {
  const of = { alert_type: "weight", episode_id: "it" };
  const alerts = [
    alert(at("08:00"), { ...of, severity: "medium", subtype: "too_slow" }),
    alert(at("08:01"), { ...of, severity: "high", subtype: "too_fast" }),
    alert(at("08:02"), { ...of, severity: "low", subtype: "in_range" }),
  ];
  const [line] = linesOf(answerOf(alerts, [episode("it", at("08:00"), { severity: "high" })]));
  expect([line?.severity, line?.what]).toEqual(["high", "Weight: Losing fast · high severity"]);
});

test("it says how it ended, as far as anybody knows", () => {
  const last = { last_seen: at("08:40") };
  const ended = { ...last, ended_at: at("10:40") };
  const at840 = ["08:00", "08:40"];
  expect(notes({}, "08:00")).toBe("");
  expect(notes(last, ...at840)).toBe("Observed until 09:40.");
  expect(notes({ ...ended, end_reason: "source" }, ...at840)).toBe("Reported as ended at 11:40.");
  expect(notes({ ...ended, end_reason: "expired" }, ...at840)).toBe("Observed until 09:40.");
  expect(notes({ ...ended, end_reason: "newer_day" }, ...at840)).toBe(
    "No longer reported as of 11:40.",
  );
});

test("what had expired may be reported as ended after that", () => {
  const expired = { ended_at: at("10:00"), end_reason: "expired" } as const;
  const of = { episode_id: "it" };
  const alerts = [alert(at("08:00"), of), alert(at("10:30"), { ...of, state: "ended" })];
  const lines = linesOf(answerOf(alerts, [episode("it", at("08:00"), expired)]));
  expect(lines.map(({ time, notes }) => [time, ...notes])).toEqual([
    ["09:00", "Reported as ended at 11:30."],
  ]);
});

test("a time on another day than the line's has its day", () => {
  const ended_at = "2026-12-01T06:00:00+00:00";
  expect(notes({ ended_at, end_reason: "newer_day" }, "03:00")).toBe(
    "No longer reported as of Tuesday 1 December, 07:00.",
  );
});

test("it says who acknowledged it, and how long after it arrived", () => {
  const acknowledged = { acknowledged: true, acknowledged_at: at("08:12") };
  expect(notes({ ...acknowledged, acknowledged_by: "Anna" }, "08:00")).toBe(
    "Acknowledged by Anna after 12 min.",
  );
  expect(notes(acknowledged, "08:00")).toBe("Acknowledged by somebody after 12 min.");
  const late = alert(at("08:00"), { episode_id: "it", received_at: at("09:30") });
  const acknowledgedThen = { ...acknowledged, acknowledged_at: at("09:35") };
  const [line] = linesOf(answerOf([late], [episode("it", at("08:00"), acknowledgedThen)]));
  expect(line?.notes).toEqual(["Acknowledged by somebody after 5 min."]);
});

test("it says the glucose then, and how late it arrived", () => {
  const said = (one: Alert): string | undefined => linesOf(answerOf([one]))[0]?.notes.join(" ");
  const first = alert(at("08:00"), { details: { value_mg_dl: 68 } });
  expect(said(first)).toBe("Glucose then: 3.8 mmol/L.");
  const late = { ...first, details: {}, late: true, received_at: "2026-11-29T10:30:40Z" };
  expect(said(late)).toBe("Arrived 2 h 30 min later.");
  expect(said({ ...late, received_at: "2026-11-29T08:00:30Z" })).toBe("");
});

test("of an episode that began before the days shown, nothing is said of its beginning", () => {
  const later = alert(at("08:00"), {
    episode_id: "it",
    details: { value_mg_dl: 68 },
    late: true,
    received_at: at("10:00"),
  });
  const began = episode("it", "2026-11-25T08:00:00+00:00", {
    last_seen: at("08:00"),
    acknowledged_by: "Anna",
    acknowledged_at: "2026-11-25T08:10:00+00:00",
  });
  const { days } = timeline(answerOf([later], [began]));
  expect(days).toMatchObject([
    {
      name: "Wednesday 25 November",
      lines: [
        {
          time: "09:00",
          notes: [
            "Observed until Sunday 29 November, 09:00.",
            "Acknowledged by Anna after 10 min.",
          ],
        },
      ],
    },
  ]);
});

test("it says that there is nothing, and of which days nothing is known", () => {
  expect(timeline(answerOf([], [], ["2026-11-27", "2026-11-28"]))).toEqual({
    days: [],
    notes: [
      "None has arrived.",
      "Nothing sure is known of Friday 27 November, Saturday 28 November.",
    ],
  });
});
