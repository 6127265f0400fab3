import { expect, test } from "vitest";

import { deviceName, RegistryView } from "../src/registry-view";
import { device, DEVICES, entity, ENTITIES, home, state } from "./home";

test("people and sources are told apart and sorted by name", () => {
  const view = new RegistryView(home());
  expect(view.people.map(deviceName)).toEqual(["Anna", "Maria"]);
  expect(view.sources.map(deviceName)).toEqual(["Dexcom", "Lumen"]);
});

test("a name that the user gave goes before the device's own", () => {
  expect(deviceName(device("a", "maria.keller", { name_by_user: "Maria" }))).toBe("Maria");
  expect(deviceName(device("a", "maria.keller", { name_by_user: "" }))).toBe("maria.keller");
});

test("others' entities, hidden ones and those without a device are left out", () => {
  const view = new RegistryView(
    home({
      entities: [
        entity("anna", "sensor", "glucose", { platform: "dexcom" }),
        entity("anna", "sensor", "active_alerts", { hidden: true }),
        entity("gone", "sensor", "glucose"),
        { entity_id: "sensor.loose", platform: "care_alerts", device_id: null },
      ],
    }),
  );
  expect([...view.people, ...view.sources]).toEqual([]);
});

test("people stay people where all of their source is hidden", () => {
  const view = new RegistryView(
    home({ entities: ENTITIES.filter(({ device_id }) => device_id !== "dexcom") }),
  );
  const [anna] = view.people;
  expect(anna).toBe(DEVICES.find(({ id }) => id === "anna"));
  expect(view.sources.map(({ id }) => id)).not.toContain("dexcom");
  expect(view.entityId("dexcom", "sensor", "data_through")).toBeUndefined();
});

test("entities are found by translation key, whatever their ids", () => {
  const view = new RegistryView(
    home({
      entities: [
        entity("anna", "binary_sensor", "low", { entity_id: "binary_sensor.renamed", name: null }),
        entity("anna", "number", "low"),
      ],
    }),
  );
  expect(view.entityId("anna", "binary_sensor", "low")).toBe("binary_sensor.renamed");
  expect(view.entityId("anna", "sensor", "low")).toBeUndefined();
  expect(view.entityId(null, "sensor", "low")).toBeUndefined();
});

test("whose states a user is not sent is nobody to them, unless there are none of anybody yet", () => {
  const seenBy = (...ids: string[]): string[] => {
    const view = new RegistryView(
      home({ states: Object.fromEntries(ids.map((id) => [id, state("on")])) }),
    );
    return view.people.filter((person) => view.maySee(person)).map(deviceName);
  };
  expect(seenBy("binary_sensor.anna_low", "sensor.dexcom_status")).toEqual(["Anna"]);
  expect(seenBy("sensor.dexcom_status")).toEqual([]);
  expect(seenBy()).toEqual(["Anna", "Maria"]);
});
