import { expect, test } from "vitest";

import { detailsSection } from "../../src/dashboard/details-section";
import { personSection } from "../../src/dashboard/person-section";
import { sourceCards } from "../../src/dashboard/source-cards";
import type { Config, DeviceEntry } from "../../src/home-assistant";
import { contextOf, DEVICES, ENTITIES, entity, home, last } from "../home";

const context = contextOf(home());
const [dexcom, , anna, maria] = DEVICES as [DeviceEntry, DeviceEntry, DeviceEntry, DeviceEntry];

/** Home without some of its entities. */
const without = (...ids: string[]): ReturnType<typeof contextOf> =>
  contextOf(home({ entities: ENTITIES.filter(({ entity_id }) => !ids.includes(entity_id)) }));

test("a text never names an entity that is not there", () => {
  const missing = without(
    "sensor.dexcom_data_through",
    "sensor.dexcom_status",
    "sensor.anna_glucose",
    "sensor.maria_medication_status",
  );
  const sections = [personSection(missing, anna), sourceCards(missing, dexcom)];
  expect(JSON.stringify(sections)).not.toMatch(/undefined|null/);
});

test("who wears a sensor has a curve", () => {
  const types = (of: ReturnType<typeof contextOf>, person: DeviceEntry): unknown[] =>
    (personSection(of, person).cards as Config[]).map(({ type }) => type);
  expect(types(context, anna)).toEqual([
    "heading",
    "custom:care-alerts-glucose",
    "custom:care-alerts-timeline",
  ]);
  expect(types(context, maria)).toEqual(["heading", "custom:care-alerts-timeline"]);
});

test("a test alert is confirmed first", () => {
  const test_alert = last(sourceCards(context, dexcom));
  expect(test_alert?.tap_action).toMatchObject({
    perform_action: "button.press",
    target: { entity_id: "button.dexcom_test_alert" },
    confirmation: { text: expect.stringContaining("DRILL") as string },
  });
});

test("a source that is silent says about whom", () => {
  const card = sourceCards(context, dexcom).find(({ type }) => type === "markdown");
  expect(card?.content).toContain('state_attr("binary_sensor.dexcom_silent", "people")');
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

test("settings stand with their alert, the most urgent first", () => {
  const keys: [string, string][] = [
    ["number", "high_threshold"],
    ["number", "urgent_low_threshold"],
    ["switch", "high"],
    ["switch", "no_communication"],
    ["number", "low_delay"],
    ["switch", "low"],
    ["switch", "urgent_low"],
  ];
  const more = keys.map(([domain, key]) => entity("maria", domain, key));
  const of = contextOf(home({ entities: more }));
  const [, , , , , settings] = detailsSection(of, maria).cards as Config[];
  expect((settings?.entities as Config[]).map(({ entity: id }) => id)).toEqual([
    "switch.maria_urgent_low",
    "number.maria_urgent_low_threshold",
    "switch.maria_low",
    "number.maria_low_delay",
    "switch.maria_high",
    "number.maria_high_threshold",
    "switch.maria_no_communication",
  ]);
});
