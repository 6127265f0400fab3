import { RECENT_DAYS, TIMELINE } from "../const";
import type { Config, DeviceEntry } from "../home-assistant";
import { deviceName } from "../registry-view";
import type { TimelineConfig } from "../timeline/config";
import { alertCards } from "./alert-cards";
import { headingCard, WIDE } from "./cards";
import type { Context } from "./context";
import { glucoseCards } from "./glucose-cards";
import { silentCard } from "./source-cards";

/** A person as seen in passing. */
export function personSection(context: Context, person: DeviceEntry): Config {
  const { registry } = context;
  const source = registry.sourceOf(person);
  const silent = source && registry.entityId(source.id, "binary_sensor", "silent");
  const badge = silent ? { entity: silent, name: deviceName(source) } : undefined;
  return {
    type: "grid",
    cards: [
      headingCard(person, "mdi:account-heart", badge),
      ...(silent ? [silentCard(context, source, silent)] : []),
      ...alertCards(context, person),
      ...glucoseCards(context, person),
      timelineCard(context, person, RECENT_DAYS),
    ],
  };
}

/** A person's alerts of the last days. */
export function timelineCard({ registry }: Context, person: DeviceEntry, days: number): Config {
  const watched = ["event", "binary_sensor"].flatMap((domain) =>
    registry.entitiesOf(person.id, domain),
  );
  const glucose = registry.entityId(person.id, "sensor", "glucose");
  const config: TimelineConfig = {
    device_id: person.id,
    entities: watched.map((entity) => entity.entity_id),
    ...(glucose && { glucose }),
    days,
  };
  return { type: `custom:${TIMELINE}`, ...config, ...WIDE };
}
