import { DOMAIN, SNOOZE_MINUTES } from "../const";
import type { Config, DeviceEntry, EntityEntry } from "../home-assistant";
import { actionTile, textCard, WIDE } from "./cards";
import { above, attributeIs, either, NOTHING, stateIs, unless } from "./conditions";
import type { Context } from "./context";
import { alertTemplate } from "./templates/alert";
import { quietTemplate } from "./templates/quiet";

/** An alert that is active, or a test alert: its text and what can be done about it. */
function alertCard(context: Context, person: DeviceEntry, sensor: EntityEntry): Config[] {
  const { localize } = context;
  const alert = sensor.entity_id;
  const shown = either(stateIs(alert, "on"), attributeIs(alert, "drill", "true"));
  const acknowledged = attributeIs(alert, "acknowledged", "true");
  const snoozed = unless(attributeIs(alert, "snoozed_until", NOTHING));
  return [
    textCard(alertTemplate(context, person, sensor), { visibility: [shown] }),
    actionTile(
      alert,
      {
        action: `${DOMAIN}.acknowledge`,
        icon: "mdi:hand-back-right",
        name: localize("acknowledge"),
      },
      { visibility: [shown, unless(acknowledged)] },
    ),
    actionTile(
      alert,
      { action: `${DOMAIN}.unacknowledge`, icon: "mdi:undo", name: localize("unacknowledge") },
      { visibility: [shown, acknowledged] },
    ),
    actionTile(
      alert,
      {
        action: `${DOMAIN}.snooze`,
        icon: "mdi:bell-sleep",
        name: localize("snooze", { minutes: SNOOZE_MINUTES }),
        data: { duration: { minutes: SNOOZE_MINUTES } },
      },
      { visibility: [shown, unless(snoozed)] },
    ),
    actionTile(
      alert,
      { action: `${DOMAIN}.unsnooze`, icon: "mdi:bell-ring", name: localize("unsnooze") },
      { visibility: [shown, snoozed] },
    ),
  ];
}

/** A person's alerts, and what there is to say when there are none. */
export function alertCards(context: Context, person: DeviceEntry): Config[] {
  const { registry } = context;
  const cards = registry
    .alertSensorsOf(person.id)
    .flatMap((sensor) => alertCard(context, person, sensor));
  const active = registry.entityId(person.id, "sensor", "active_alerts");
  if (!active) {
    return cards;
  }
  cards.push(
    textCard(quietTemplate(context, person, active), { visibility: [unless(above(active, 0))] }),
  );
  const all = registry.entityId(person.id, "button", "acknowledge_all");
  if (all) {
    cards.push(
      actionTile(
        all,
        { action: "button.press", icon: "mdi:hand-back-right-outline" },
        { ...WIDE, visibility: [above(active, 1)] },
      ),
    );
  }
  return cards;
}
