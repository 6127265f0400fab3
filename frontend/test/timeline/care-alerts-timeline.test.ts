// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { CareAlertsTimeline } from "../../src/timeline/care-alerts-timeline";
import { episode, eventOf, FakeConnection, person } from "../connection";
import { home } from "../home";

customElements.define("care-alerts-timeline", CareAlertsTimeline);

let card: CareAlertsTimeline;
let connection: FakeConnection;

async function passes(milliseconds = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
  await card.updateComplete;
}

const shown = (): string => (card.shadowRoot?.textContent ?? "").replace(/\s+/g, " ").trim();

beforeEach(async () => {
  vi.useFakeTimers({ now: new Date("2026-11-29T12:00:00Z") });
  connection = new FakeConnection();
  card = new CareAlertsTimeline();
  card.setConfig({ device_id: "anna", days: 3 });
  document.body.append(card);
  card.hass = { ...home(), connection };
  await passes();
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

test("it asks for the days it shows, once", async () => {
  expect(connection.subscriptions.map(({ message }) => message)).toEqual([
    { type: "care_alerts/subscribe_person", device_id: "anna", hours: 72 },
  ]);
  connection.of("anna").send(eventOf(person("anna"), [episode("e", { value: null })]));
  await passes();
  expect(shown()).toContain("Alerts of the last 3 days Sunday 29 November 12:40");
  expect(shown()).toContain("Low · medium severity");
  await passes(600_000);
  expect(connection.subscriptions).toHaveLength(1);
});

test("what others have written is text", async () => {
  const hostile = "<img src=/x.png onerror=alert(1)>";
  connection.of("anna").send(eventOf(person("anna"), [episode("e", { alert_type: hostile })]));
  await passes();
  expect(card.shadowRoot?.querySelector("img")).toBeNull();
  expect(shown()).toContain(hostile);
});

test("that there is nothing is said", async () => {
  connection.of("anna").send(eventOf(person("anna")));
  await passes();
  expect(shown()).toContain("None is known.");
});

test("while the connection is lost, what is shown stays, and that it is lost is said", async () => {
  connection.of("anna").send(eventOf(person("anna"), [episode("e")]));
  connection.fire("disconnected");
  await passes();
  expect(shown()).toContain("Low · medium severity");
  expect(shown()).toContain("No connection to Home Assistant since 13:00.");
});
