import { expect, test } from "vitest";

import { alertCards } from "../../src/dashboard/alert-cards";
import { detailsSection } from "../../src/dashboard/details-section";
import { glucoseCards } from "../../src/dashboard/glucose-cards";
import { personSection } from "../../src/dashboard/person-section";
import { sourceCards } from "../../src/dashboard/source-cards";
import type { Config, DeviceEntry } from "../../src/home-assistant";
import { contextOf, DEVICES, ENTITIES, home, last } from "../home";

const context = contextOf(home());
const [dexcom, , anna, maria] = DEVICES as [DeviceEntry, DeviceEntry, DeviceEntry, DeviceEntry];

/** Home without some of its entities. */
const without = (...ids: string[]): ReturnType<typeof contextOf> =>
  contextOf(home({ entities: ENTITIES.filter(({ entity_id }) => !ids.includes(entity_id)) }));

const actions = (cards: Config[]): [unknown, Config][] =>
  cards.filter((card) => card.tap_action).map((card) => [card.name, card.tap_action as Config]);

test("an alert can be acknowledged and snoozed, and both undone", () => {
  const target = { entity_id: "binary_sensor.anna_low" };
  const perform = { action: "perform-action", target };
  expect(actions(alertCards(context, anna))).toEqual([
    ["Acknowledge", { ...perform, perform_action: "care_alerts.acknowledge" }],
    ["Undo", { ...perform, perform_action: "care_alerts.unacknowledge" }],
    [
      "Snooze 30 min",
      { ...perform, perform_action: "care_alerts.snooze", data: { duration: { minutes: 30 } } },
    ],
    ["End snooze", { ...perform, perform_action: "care_alerts.unsnooze" }],
  ]);
});

test("only what can be done is offered", () => {
  const shown = {
    condition: "or",
    conditions: [
      { condition: "state", entity: "binary_sensor.anna_low", state: "on" },
      { condition: "state", entity: "binary_sensor.anna_low", attribute: "drill", state: "true" },
    ],
  };
  const cards = alertCards(context, anna).slice(0, -1);
  expect(cards).toHaveLength(5);
  for (const card of cards) {
    expect((card.visibility as Config[])[0]).toEqual(shown);
  }
  const conditions = cards.map((card) => JSON.stringify((card.visibility as Config[])[1]));
  expect(conditions[1]).toBe(`{"condition":"not","conditions":[${conditions[2] ?? ""}]}`);
  expect(conditions[3]).toBe(`{"condition":"not","conditions":[${conditions[4] ?? ""}]}`);
});

test("all can be acknowledged at once where there are several", () => {
  const all = last(alertCards(context, maria));
  expect(all).toMatchObject({
    entity: "button.maria_acknowledge_all",
    visibility: [{ condition: "numeric_state", entity: "sensor.maria_active_alerts", above: 1 }],
  });
});

test("nothing is said to be quiet where nobody counts the alerts", () => {
  const cards = alertCards(without("sensor.anna_active_alerts"), anna);
  expect(cards).toHaveLength(5);
});

test("a text never names an entity that is not there", () => {
  const missing = without(
    "sensor.anna_data_through",
    "sensor.dexcom_status",
    "sensor.anna_glucose_trend",
    "sensor.maria_medication_status",
  );
  const sections = [personSection(missing, anna), personSection(missing, maria)];
  expect(JSON.stringify(sections)).not.toMatch(/undefined|null/);
});

test("glucose stands in one graph with the thresholds that there are", () => {
  const graph = last(glucoseCards(context, anna));
  expect((graph?.entities as Config[]).map(({ entity }) => entity)).toEqual([
    "sensor.anna_glucose",
    "number.anna_low_threshold",
  ]);
  expect(glucoseCards(context, maria)).toEqual([]);
});

test("a test alert is confirmed first", () => {
  const test_alert = last(sourceCards(context, dexcom));
  expect(test_alert?.tap_action).toMatchObject({
    perform_action: "button.press",
    target: { entity_id: "button.dexcom_test_alert" },
    confirmation: { text: expect.stringContaining("DRILL") as string },
  });
});

test("what is wrong with what is heard of a person shows at the person, with its cause", () => {
  const { cards } = personSection(context, anna) as { cards: [Config, Config] };
  expect(cards[0].badges).toMatchObject([
    { entity: "binary_sensor.anna_silent", name: "Dexcom", state_content: ["name", "status"] },
  ]);
  expect(cards[1].content).toContain("Dexcom is silent");
  expect(cards[1].content).toContain("Dexcom does not answer as it should");
  expect(cards[1].content).toContain("sensor.anna_data_through");
  expect(cards[1].content).not.toContain("dexcom_");
  const hidden = personSection(without("binary_sensor.anna_silent"), anna) as { cards: Config[] };
  expect(hidden.cards[0]?.badges).toEqual([]);
});

test("a source that is silent says about whom", () => {
  const card = sourceCards(context, dexcom).find(({ type }) => type === "markdown");
  expect(card?.content).toContain('state_attr("binary_sensor.dexcom_silent", "people")');
});

test("whether somebody is silent is no alert", () => {
  expect(JSON.stringify(alertCards(context, anna))).not.toContain("anna_silent");
});

test("what the first view shows is not repeated in the details", () => {
  const rows = (person: DeviceEntry): unknown[] =>
    (detailsSection(context, person).cards as Config[])
      .filter(({ type }) => type === "entities")
      .flatMap(({ entities }) => entities as { entity?: string; row?: Config }[])
      .map(({ entity, row }) => entity ?? row?.entity);
  expect(rows(anna)).toEqual(["number.anna_low_threshold"]);
  expect(rows(maria)).toEqual(["sensor.maria_medication_status", "switch.maria_follow"]);
});
