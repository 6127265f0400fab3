import { ALL_DAYS } from "../const";
import type { Config, DeviceEntry, EntityEntry } from "../home-assistant";
import { deviceName } from "../registry-view";
import { headingCard, OWN_NAME, subtitleCard, WIDE } from "./cards";
import type { Context } from "./context";
import { timelineCard } from "./person-section";

/** What the first view shows. */
const IN_FRONT = new Set([
  "active_alerts",
  "highest_severity",
  "glucose",
  "glucose_trend",
  "data_through",
]);

/** The alerts that have settings, the most urgent first. */
const ALERTS = ["urgent_low", "low", "high", "no_communication", "not_looping"];

/** Where a setting stands: with what belongs to the same alert, which its key begins with. */
function placeOf({ translation_key }: EntityEntry): number {
  return ALERTS.findIndex((alert) => `${translation_key}_`.startsWith(`${alert}_`));
}

const row = ({ entity_id }: EntityEntry): Config => ({ entity: entity_id, ...OWN_NAME });

/** All there is about a person: what each source has of them, under its name where there are several. */
export function detailsSection(context: Context, person: DeviceEntry): Config {
  const { registry, same } = context;
  const devices = same.find((group) => group.includes(person.id)) ?? [person.id];
  const theirs = devices.flatMap((id) =>
    registry.people.filter((one) => one.id === id && registry.maySee(one)),
  );
  const cards = theirs.flatMap((one) => {
    const source = registry.sources.find(({ id }) => id === one.via_device_id);
    return sourceDetails(context, one, theirs.length > 1 && source ? deviceName(source) : "");
  });
  return {
    type: "grid",
    cards: [headingCard(person, "mdi:account-heart"), timelineCard(person, ALL_DAYS), ...cards],
  };
}

/** What one source has of a person: what it knows, and what can be set there. */
function sourceDetails(context: Context, person: DeviceEntry, source: string): Config[] {
  const { localize, registry } = context;
  const title = (text: string): Config => subtitleCard(source ? `${source} · ${text}` : text);
  const known = registry
    .entitiesOf(person.id, "sensor")
    .filter((sensor) => !IN_FRONT.has(sensor.translation_key ?? ""))
    .map((sensor) => ({
      type: "conditional",
      conditions: [{ condition: "state", entity: sensor.entity_id, state_not: ["unknown"] }],
      row: row(sensor),
    }));
  const settings = ["switch", "number"]
    .flatMap((domain) => registry.entitiesOf(person.id, domain))
    .sort((one, other) => placeOf(one) - placeOf(other))
    .map(row);
  const cards = [title(localize("details")), { type: "entities", entities: known, ...WIDE }];
  if (settings.length) {
    cards.push(title(localize("settings")), {
      type: "entities",
      show_header_toggle: false,
      entities: settings,
      ...WIDE,
    });
  }
  return cards;
}
