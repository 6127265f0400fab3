import type { Config, DeviceEntry } from "../home-assistant";
import { actionTile, headingCard, textCard, tileCard } from "./cards";
import { stateIs, unless } from "./conditions";
import type { Context } from "./context";
import { silentTemplate } from "./templates/silent";

/** A source: whether it speaks, how far its data reach, and what can be asked of it. */
export function sourceCards(context: Context, source: DeviceEntry): Config[] {
  const { localize, registry } = context;
  const cards = [headingCard(source, "mdi:cloud")];
  const silent = registry.entityId(source.id, "binary_sensor", "silent");
  if (silent) {
    cards.push(silentCard(context, source, silent), tileCard(silent, { color: "none" }));
  }
  for (const key of ["status", "data_through", "delay", "last_contact"]) {
    const sensor = registry.entityId(source.id, "sensor", key);
    if (sensor) {
      cards.push(tileCard(sensor, { visibility: [unless(stateIs(sensor, "unknown"))] }));
    }
  }
  const refresh = registry.entityId(source.id, "button", "refresh");
  if (refresh) {
    cards.push(actionTile(refresh, { action: "button.press", icon: "mdi:refresh" }));
  }
  const test = registry.entityId(source.id, "button", "test_alert");
  if (test) {
    const confirmation = localize("test_alert_confirm");
    cards.push(actionTile(test, { action: "button.press", icon: "mdi:bell-cog", confirmation }));
  }
  return cards;
}

const silentCard = (context: Context, source: DeviceEntry, silent: string): Config =>
  textCard(silentTemplate(context, source, silent), { visibility: [stateIs(silent, "on")] });
