import { RECENT_DAYS, TIMELINE } from "../const";
import type { Config, DeviceEntry } from "../home-assistant";
import { deviceName } from "../registry-view";
import type { TimelineConfig } from "../timeline/config";
import { alertCards } from "./alert-cards";
import { headingCard, textCard, WIDE } from "./cards";
import { attributeIs, either, stateIs, unless } from "./conditions";
import type { Context } from "./context";
import { glucoseCards } from "./glucose-cards";
import { troubleTemplate } from "./templates/silent";

/** A person as seen in passing. */
export function personSection(context: Context, person: DeviceEntry): Config {
  const { registry } = context;
  const source = registry.sourceOf(person);
  const silent = registry.entityId(person.id, "binary_sensor", "silent");
  const trouble = source && silent ? { source, silent } : undefined;
  return {
    type: "grid",
    cards: [
      headingCard(
        person,
        "mdi:account-heart",
        trouble && {
          entity: trouble.silent,
          name: deviceName(trouble.source),
          attribute: "status",
        },
      ),
      ...(trouble ? [troubleCard(context, trouble.source, person, trouble.silent)] : []),
      ...alertCards(context, person),
      ...glucoseCards(context, person),
      timelineCard(context, person, RECENT_DAYS),
    ],
  };
}

/** What is wrong with what is heard of a person, as soon as something is. */
function troubleCard(
  context: Context,
  source: DeviceEntry,
  person: DeviceEntry,
  silent: string,
): Config {
  const visible = either(stateIs(silent, "on"), unless(attributeIs(silent, "status", "ok")));
  return textCard(troubleTemplate(context, source, person, silent), { visibility: [visible] });
}

/** A person's alerts of the last days. */
export function timelineCard({ registry }: Context, person: DeviceEntry, days: number): Config {
  const watched = [
    ...registry.entitiesOf(person.id, "event"),
    ...registry.alertSensorsOf(person.id),
  ];
  const glucose = registry.entityId(person.id, "sensor", "glucose");
  const config: TimelineConfig = {
    device_id: person.id,
    entities: watched.map((entity) => entity.entity_id),
    ...(glucose && { glucose }),
    days,
  };
  return { type: `custom:${TIMELINE}`, ...config, ...WIDE };
}
