import { expect, test } from "vitest";

import { groupEpisodes } from "../../src/timeline/episodes";
import { alert } from "../home";

const at = (minute: number): string => new Date(Date.UTC(2026, 10, 29, 8, minute)).toISOString();

const shapes = (...alerts: ReturnType<typeof alert>[]): unknown[] =>
  groupEpisodes(alerts).map(({ alert: { alert_type, severity }, from, seen, ended }) => [
    alert_type,
    severity,
    from.toISOString(),
    seen.toISOString(),
    ended,
  ]);

test("alerts of one type belong together for an hour", () => {
  expect(shapes(alert(at(0)), alert(at(60)), alert(at(121)))).toEqual([
    ["low", "medium", at(0), at(60), false],
    ["low", "medium", at(121), at(121), false],
  ]);
});

test("its end belongs to an alert, however late, and closes it", () => {
  expect(shapes(alert(at(0)), alert(at(300), { state: "ended" }), alert(at(310)))).toEqual([
    ["low", "medium", at(0), at(300), true],
    ["low", "medium", at(310), at(310), false],
  ]);
});

test("the worst severity of all is said", () => {
  expect(
    shapes(
      alert(at(0), { severity: "low" }),
      alert(at(5), { severity: "high" }),
      alert(at(10), { severity: "medium" }),
    ),
  ).toEqual([["low", "high", at(0), at(10), false]]);
});

test("types, and test alerts and real ones, are never mixed", () => {
  expect(
    shapes(alert(at(0)), alert(at(1), { alert_type: "high" }), alert(at(2), { drill: true })),
  ).toHaveLength(3);
});

test("what came in is left as it was", () => {
  const first = alert(at(0), { severity: "low" });
  groupEpisodes([first, alert(at(1), { severity: "high" })]);
  expect(first.severity).toBe("low");
});
