// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Hass } from "../../src/home-assistant";
import type { Alerts } from "../../src/timeline/alerts";
import { CareAlertsTimeline } from "../../src/timeline/care-alerts-timeline";
import { alert, answerOf, home, state } from "../home";

customElements.define("care-alerts-timeline", CareAlertsTimeline);

const LOW = "binary_sensor.anna_low";
const NOW = "2026-11-29T12:00:00.000Z";

let card: CareAlertsTimeline;
let answers: (Alerts | Error)[];
let asked: Record<string, unknown>[];

/** The home at a moment at which the watched entity changed. */
const at = (last_updated: string, attributes: Record<string, unknown> = {}): Hass => ({
  ...home({ states: { [LOW]: { ...state("on", attributes), last_updated } } }),
  callWS: <Answer>(message: Record<string, unknown>): Promise<Answer> => {
    asked.push(message);
    const answer = answers.shift() ?? new Error("nothing left to answer");
    return answer instanceof Error
      ? Promise.reject(answer)
      : Promise.resolve({ response: answer } as Answer);
  },
});

async function passes(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
  await card.updateComplete;
}

const shown = (): string => card.shadowRoot?.textContent ?? "";

beforeEach(() => {
  vi.useFakeTimers({ now: new Date(NOW) });
  answers = [];
  asked = [];
  card = new CareAlertsTimeline();
  card.setConfig({ device_id: "anna", days: 3, entities: [LOW] });
  document.body.append(card);
});

afterEach(() => {
  card.remove();
  vi.useRealTimers();
});

test("it needs somebody to show", () => {
  expect(() => {
    card.setConfig({});
  }).toThrow("device_id is missing");
});

test("it asks for the days it shows, at once", async () => {
  answers = [answerOf([alert("2026-11-29T08:00:00Z")])];
  card.hass = at("1");
  expect(shown()).toBe("");
  await passes(0);
  expect(asked).toMatchObject([
    {
      service: "get_alerts",
      target: { device_id: "anna" },
      service_data: { start: "2026-11-26T12:00:00.000Z", include_drills: true },
    },
  ]);
  expect(shown()).toBe("Alerts of the last 3 daysSunday 29 November09:00Low · medium severity");
});

test("what others have written is text", async () => {
  const hostile = "<img src=/x.png onerror=alert(1)>";
  answers = [answerOf([alert("2026-11-29T08:00:00Z", { alert_type: hostile })])];
  card.hass = at("1");
  await passes(0);
  expect(card.shadowRoot?.querySelector("img")).toBeNull();
  expect(shown()).toContain(hostile);
});

test("it asks again once when several changes make one piece of news", async () => {
  answers = [answerOf([]), answerOf([alert("2026-11-29T11:59:00Z")])];
  card.hass = at("1");
  await passes(0);
  card.hass = at("1");
  await passes(1000);
  expect(asked).toHaveLength(1);
  card.hass = at("2");
  await passes(400);
  card.hass = at("3");
  await passes(400);
  expect(asked).toHaveLength(1);
  await passes(100);
  expect(asked).toHaveLength(2);
  expect(shown()).toContain("12:59Low");
});

test("while its source does not run, what is shown stays", async () => {
  answers = [answerOf([alert("2026-11-29T08:00:00Z")])];
  card.hass = at("1");
  await passes(0);
  card.hass = at("2", { restored: true });
  await passes(60_000);
  expect(asked).toHaveLength(1);
  expect(shown()).toContain("09:00Low");
});

test("a refusal is said, and asked again about after a while", async () => {
  answers = [new Error("not now"), answerOf([])];
  card.hass = at("1");
  await passes(0);
  expect(shown()).toContain("The alerts cannot be shown: not now");
  card.hass = at("1");
  await passes(29_999);
  expect(asked).toHaveLength(1);
  await passes(1);
  card.hass = at("1");
  await passes(500);
  expect(shown()).toContain("None has arrived.");
});

test("it asks again on another day, also when nothing happened", async () => {
  answers = [answerOf([]), answerOf([])];
  card.hass = at("1");
  await passes(0);
  await passes(24 * 3_600_000);
  card.hass = at("1");
  await passes(500);
  expect(asked).toHaveLength(2);
});

test("what was asked for before it left the page is not shown after", async () => {
  answers = [answerOf([])];
  card.hass = at("1");
  card.remove();
  await passes(1000);
  expect(asked).toEqual([]);
  answers = [answerOf([], [], ["2026-11-28"])];
  document.body.append(card);
  card.hass = at("1");
  await passes(0);
  expect(shown()).toContain("Saturday 28 November");
});
