// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { CareCard } from "../../src/cards/care-card";
import { CareAlertsNeedsYou } from "../../src/cards/needs-you";
import { CareAlertsPerson } from "../../src/cards/person";
import type { Episode, Person } from "../../src/data/model";
import type { Hass } from "../../src/home-assistant";
import { episode, eventOf, FakeConnection, person } from "../connection";
import { home } from "../home";

customElements.define("care-alerts-needs-you", CareAlertsNeedsYou);
customElements.define("care-alerts-person", CareAlertsPerson);

let connection: FakeConnection;
let calls: Record<string, unknown>[];
let answers: (Record<string, unknown> | Error)[];

const hass = (): Hass => ({
  ...home(),
  connection,
  callWS: <Answer>(message: Record<string, unknown>): Promise<Answer> => {
    calls.push(message);
    const answer = answers.shift() ?? { acknowledged: [{}] };
    return answer instanceof Error
      ? Promise.reject(answer)
      : Promise.resolve({ response: answer } as Answer);
  },
});

let card: CareCard;

async function passes(milliseconds = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
  await card.updateComplete;
}

async function show(of: CareAlertsNeedsYou | CareAlertsPerson): Promise<void> {
  card = of;
  of.setConfig({});
  document.body.append(of);
  of.hass = hass();
  await passes();
}

async function tell(of: Person, ...episodes: Episode[]): Promise<void> {
  connection.of(of.device_id).send(eventOf(of, episodes));
  await passes();
}

const text = (): string => (card.shadowRoot?.textContent ?? "").replace(/\s+/g, " ").trim();

const button = (name: string): HTMLButtonElement => {
  const found = [...(card.shadowRoot?.querySelectorAll("button") ?? [])].find(
    ({ textContent }) => textContent.trim() === name,
  );
  if (!found) {
    throw new Error(`no button ${name}`);
  }
  return found;
};

const MARIA = person("maria", {
  source: "lumen",
  source_name: "Lumen",
  is_delayed: true,
  glucose: null,
  data_through: "2026-11-29T06:00:00Z",
});
const ANNA = person("anna");

beforeEach(() => {
  vi.useFakeTimers({ now: new Date("2026-11-29T12:00:00Z") });
  connection = new FakeConnection();
  calls = [];
  answers = [];
});

afterEach(() => {
  card.remove();
  vi.useRealTimers();
});

test("what needs somebody is said: who, what, value, when, how old, who has it", async () => {
  await show(new CareAlertsNeedsYou());
  expect(text()).toContain("Asking Home Assistant");
  await tell({ ...ANNA, on_duty: ["Ben"] }, episode("e"));
  expect(text()).toContain(
    "Anna: Low · medium severity Was 3.6 mmol/L at 12:55 (5 min ago)." +
      " First observed at 12:40 (20 min ago). Nobody has it yet. On duty: Ben.",
  );
  await passes(60_000);
  expect(text()).toContain("(6 min ago)");
});

test("both buttons act on the episode that was shown, once", async () => {
  await show(new CareAlertsNeedsYou());
  await tell(ANNA, episode("e"));
  const acknowledge = button("Acknowledge");
  acknowledge.click();
  acknowledge.click();
  await passes();
  expect(button("Snooze 30 min").disabled).toBe(true);
  expect(calls).toEqual([
    {
      type: "call_service",
      domain: "care_alerts",
      service: "acknowledge",
      target: { entity_id: "binary_sensor.mila_low" },
      service_data: { episode_id: "e" },
      return_response: true,
    },
  ]);
  await passes(5_000);
  expect(acknowledge.disabled).toBe(false);
  await tell(ANNA, episode("e", { entity_id: null }));
  button("Snooze 30 min").click();
  await passes();
  expect(calls[1]).toMatchObject({
    service: "snooze",
    target: { device_id: "anna" },
    service_data: { episode_id: "e", duration: { minutes: 30 } },
  });
});

test("all that is shown of somebody can be taken with one press", async () => {
  await show(new CareAlertsNeedsYou());
  await tell(MARIA, episode("maria's"));
  await tell(ANNA, episode("one"));
  expect(text()).not.toContain("Acknowledge all");
  await tell(ANNA, episode("one"), episode("other"));
  button("Acknowledge all 2 of Anna").click();
  await passes();
  const taken = calls.map(({ service_data }) => service_data);
  expect(taken).toEqual([{ episode_id: "one" }, { episode_id: "other" }]);
});

test("that it failed is said, and that there was nothing to do", async () => {
  await show(new CareAlertsNeedsYou());
  await tell(ANNA, episode("e"));
  answers = [new Error("no"), { acknowledged: [] }];
  button("Acknowledge").click();
  await passes();
  expect(text()).toContain("That did not work: no. Nothing has changed.");
  button("Acknowledge").click();
  await passes();
  expect(text()).not.toContain("did not work");
  expect(text()).toContain("Nothing was done: it is over, or something newer has begun.");
});

test("what somebody has stands below, and can be undone", async () => {
  await show(new CareAlertsNeedsYou());
  const had = { needs_somebody: false, acknowledged_by: "Ben" };
  await tell(ANNA, episode("had", { ...had, acknowledged_at: "2026-11-29T11:07:00Z" }));
  await tell(MARIA, episode("e"));
  expect(text()).toMatch(/Maria: Low.*Anna: Low · medium severity\. Ben has it since 12:07\./);
  expect(text()).toContain("That does not mean that it is over.");
  button("Undo").click();
  await passes();
  expect(calls).toMatchObject([{ service: "unacknowledge", service_data: {} }]);
});

test("what was handled on the person's own device says so, and still needs somebody", async () => {
  await show(new CareAlertsNeedsYou());
  await tell(ANNA, episode("e", { handled_on_device_at: "2026-11-29T11:45:00Z" }));
  expect(text()).toContain("Handled on the device at 12:45. Nobody has it yet.");
  button("Acknowledge");
});

test("that nobody is needed is said with what is not known, never as all clear", async () => {
  await show(new CareAlertsNeedsYou());
  await tell(ANNA);
  expect(text()).toContain("Asking");
  await tell(MARIA);
  expect(text()).toBe(
    "Nobody is needed, as far as is known at 13:00." +
      " What Lumen says of Maria reaches to 07:00 (6 h 0 min ago), never to now." +
      " Times are those of Europe/Amsterdam.",
  );
  await tell({ ...ANNA, status: "login_failed", silent: true, way_out: "/config/x" });
  expect(text()).toContain("Tidepool: Login failed. Not known: Anna. Data to 12:58 (2 min ago).");
  expect(card.shadowRoot?.querySelector("a")?.getAttribute("href")).toBe("/config/x");
  await tell({ ...MARIA, status: "not_running" });
  expect(text()).toMatch(
    /^What is going on now is not known. Tidepool: Login failed.*Lumen: Not running\./,
  );
});

test("an older component is said, and a lost connection", async () => {
  connection.refusals = [{ code: "unknown_command" }, { code: "unknown_command" }];
  await show(new CareAlertsNeedsYou());
  expect(text()).toMatch(
    /^What is going on now is not known. Home Assistant is still starting.*Anna, Maria\./,
  );
  await passes(10_000);
  await tell(ANNA, episode("e"));
  connection.fire("disconnected");
  await passes(600_000);
  expect(text()).toContain("Anna: Low");
  expect(text()).toContain("Not known: Anna, Maria.");
});

test("whom the user may not see is not there", async () => {
  connection.refusals = [{ code: "unauthorized" }];
  await show(new CareAlertsPerson());
  await tell(MARIA);
  expect(text()).not.toContain("Anna");
  expect(card.hidden).toBe(false);
  card.remove();
  connection = new FakeConnection();
  connection.refusals = [{ code: "unauthorized" }, { code: "unauthorized" }];
  await show(new CareAlertsNeedsYou());
  expect(card.hidden).toBe(true);
});

test("a person is a line: value, arrow, age, who has it; the worst first", async () => {
  await show(new CareAlertsPerson());
  await tell({ ...ANNA, on_duty: ["Ben"] });
  await tell(MARIA);
  expect(text()).toBe(
    "Anna 6.1 mmol/L → Steady at 12:58, 2 min ago On duty: Ben." +
      " Maria Data to 07:00 (6 h 0 min ago). Lumen is never of now.",
  );
  await tell(MARIA, episode("e", { alert_type: "medication", severity: "high" }));
  expect(text()).toMatch(/^Maria .* Medication · high severity\. Nobody has it yet\. Anna/);
});

test("a value that speaks of the past only is struck through, by itself, and stays", async () => {
  await show(new CareAlertsPerson());
  await tell(ANNA);
  await tell(MARIA);
  const struck = (): Element | null | undefined => card.shadowRoot?.querySelector("s");
  expect(struck()).toBeNull();
  await passes(13 * 60_000);
  expect(struck()?.textContent).toContain("6.1 mmol/L");
  expect(text()).toContain("was at 12:58, 15 min ago");
});

test("trouble stands at the person at once, with its way out", async () => {
  await show(new CareAlertsPerson());
  await tell({ ...ANNA, status: "unreachable", way_out: "/config/x" });
  expect(text()).toContain("Tidepool: Not reachable. What to do");
  expect(card.shadowRoot?.querySelector("a")?.getAttribute("href")).toBe("/config/x");
});

test("what others have written is text", async () => {
  await show(new CareAlertsNeedsYou());
  await tell({ ...ANNA, name: "<img src=/x.png>" }, episode("e"));
  expect(card.shadowRoot?.querySelector("img")).toBeNull();
  expect(text()).toContain("<img src=/x.png>: Low");
});

test("nothing is heard for a card that has left the page", async () => {
  await show(new CareAlertsPerson());
  card.remove();
  await passes();
  expect(connection.open).toEqual([]);
});
