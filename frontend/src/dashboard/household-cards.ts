import type { Config, DeviceEntry } from "../home-assistant";
import { actionTile, headingCard, textCard, tileCard } from "./cards";
import { stateIs, unless } from "./conditions";
import type { Context } from "./context";
import { linesTemplate, momentTemplate, warningTemplate } from "./templates/lines";

/** The household: what may keep an alert from being heard, who is on duty, what comes next, and drills. */
export function householdCards(context: Context, household: DeviceEntry): Config[] {
  const { localize, registry } = context;
  const cards = [headingCard(household, "mdi:home-heart")];
  const unheard = registry.entityId(household.id, "binary_sensor", "may_not_be_heard");
  if (unheard) {
    const content = warningTemplate(context, localize("may_not_be_heard"), unheard, "reasons");
    cards.push(textCard(content, { visibility: [stateIs(unheard, "on")] }));
  }
  const onDuty = registry.entityId(household.id, "sensor", "on_duty");
  if (onDuty) {
    cards.push(tileCard(onDuty), textCard(linesTemplate(context, onDuty, "why")));
  }
  for (const sensor of registry.entitiesOf(household.id, "sensor")) {
    if (sensor.translation_key === "next_step") {
      const known = { visibility: [unless(stateIs(sensor.entity_id, "unknown"))] };
      cards.push(textCard(momentTemplate(context, sensor), known));
    }
  }
  for (const { entity_id } of registry.entitiesOf(household.id, "switch")) {
    cards.push(tileCard(entity_id));
  }
  const drill = registry.entityId(household.id, "button", "drill");
  if (drill) {
    const confirmation = localize("drill_confirm");
    cards.push(
      actionTile(drill, { action: "button.press", icon: "mdi:bell-check-outline", confirmation }),
    );
  }
  const lastDrill = registry.entityId(household.id, "sensor", "last_drill");
  if (lastDrill) {
    const known = { visibility: [unless(stateIs(lastDrill, "unknown"))] };
    cards.push(
      tileCard(lastDrill, known),
      textCard(linesTemplate(context, lastDrill, "summary"), known),
    );
  }
  return cards;
}
