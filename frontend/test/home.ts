/** A home to test with: two people, one of whom wears a sensor, and the source of each. */
import translations from "../../custom_components/care_alerts/translations/en.json";
import type { Wording } from "../src/cards/wording";
import type { Context } from "../src/dashboard/context";
import type { DeviceEntry, EntityEntry, EntityState, Hass, Locale } from "../src/home-assistant";
import type { Localize, Texts } from "../src/localize";
import { clockOf } from "../src/time";
import { FakeConnection } from "./connection";
import { RegistryView } from "../src/registry-view";

export const LOCALE: Locale = { language: "en-GB", time_format: "24", time_zone: "server" };

/** A text with its values, exactly as many as it has room for. */
function fill(key: string, text: string, values: Record<string, string | number> = {}): string {
  const used = new Set<string>();
  const filled = text.replace(/\{(\w+)\}/g, (_, name: string) => {
    used.add(name);
    const value = values[name];
    if (value === undefined) {
      throw new Error(`${key}: no ${name}`);
    }
    return String(value);
  });
  for (const name of Object.keys(values)) {
    if (!used.has(name)) {
      throw new Error(`${key} has no room for ${name}`);
    }
  }
  return filled;
}

/** The English texts; those of the backend by their full keys, "" for what is not there, as Home Assistant does. */
function backend(key: string, values?: Record<string, string | number>): string {
  let found: unknown = translations;
  for (const part of key.split(".").slice(2)) {
    found = (found as Record<string, unknown> | undefined)?.[part];
  }
  return typeof found === "string" ? fill(key, found, values) : "";
}

const common: Record<string, string> = translations.common;

export const localize: Localize = (key, values) => {
  const text = common[`dashboard_${key}`] ?? common[key];
  if (text === undefined) {
    throw new Error(`no text ${key}`);
  }
  return fill(key, text, values);
};

export const wordingAt = (now: Date, hass: Hass = home()): Wording => ({
  ...texts,
  clock: clockOf(hass),
  language: hass.locale.language,
  now,
});

const texts: Texts = {
  localize,
  stateName: (entity, state) => backend(`component.care_alerts.entity.${entity}.state.${state}`),
};

export const device = (id: string, name: string, more: Partial<DeviceEntry> = {}): DeviceEntry => ({
  id,
  name,
  name_by_user: null,
  manufacturer: null,
  via_device_id: null,
  ...more,
});

export const entity = (
  device_id: string,
  domain: string,
  translation_key: string,
  more: Partial<EntityEntry> = {},
): EntityEntry => ({
  entity_id: `${domain}.${device_id}_${translation_key}`,
  platform: "care_alerts",
  name: translation_key,
  device_id,
  translation_key,
  ...more,
});

export const state = (value: string, attributes: Record<string, unknown> = {}): EntityState => ({
  state: value,
  last_updated: "2026-11-29T19:00:00Z",
  attributes,
});

export const DEVICES = [
  device("dexcom", "Dexcom"),
  device("lumen", "Lumen"),
  device("anna", "Anna", { via_device_id: "dexcom" }),
  device("maria", "maria.keller", { name_by_user: "Maria", via_device_id: "lumen" }),
];

export const ENTITIES = [
  ...["dexcom", "lumen"].flatMap((source) => [
    entity(source, "binary_sensor", "silent"),
    entity(source, "sensor", "status"),
    entity(source, "sensor", "data_through"),
    entity(source, "button", "refresh"),
    entity(source, "button", "test_alert"),
  ]),
  entity("anna", "sensor", "active_alerts"),
  entity("anna", "sensor", "glucose"),
  entity("anna", "sensor", "glucose_trend"),
  entity("anna", "binary_sensor", "low"),
  entity("anna", "binary_sensor", "silent"),
  entity("anna", "sensor", "data_through"),
  entity("anna", "number", "low_threshold"),
  entity("anna", "event", "alert"),
  entity("maria", "sensor", "active_alerts"),
  entity("maria", "sensor", "medication_status"),
  entity("maria", "binary_sensor", "medication"),
  entity("maria", "button", "acknowledge_all"),
  entity("maria", "switch", "follow"),
];

export function home({
  devices = DEVICES,
  entities = ENTITIES,
  locale = LOCALE,
  states = {},
}: {
  devices?: DeviceEntry[];
  entities?: EntityEntry[];
  locale?: Locale;
  states?: Record<string, EntityState>;
} = {}): Hass {
  return {
    devices: Object.fromEntries(devices.map((one) => [one.id, one])),
    entities: Object.fromEntries(entities.map((one) => [one.entity_id, one])),
    states,
    locale,
    config: { time_zone: "Europe/Amsterdam" },
    loadBackendTranslation: () => Promise.resolve(backend),
    connection: new FakeConnection(),
    callWS: () => Promise.reject(new Error("not asked for in this test")),
  };
}

export const contextOf = (hass: Hass): Context => ({
  registry: new RegistryView(hass),
  localize,
  locale: hass.locale,
  same: [],
});

export const last = <Item>(items: Item[]): Item | undefined => items[items.length - 1];
