import { GLUCOSE_HOURS } from "../const";
import type { Config, DeviceEntry } from "../home-assistant";
import { OWN_NAME, subtitleCard, textCard, WIDE } from "./cards";
import type { Context } from "./context";
import { glucoseTemplate } from "./templates/glucose";

/** Told apart with any colour vision, and by where they lie: glucose between low and high. */
const GLUCOSE_COLOR = "blue";
const THRESHOLD_COLORS = {
  urgent_low_threshold: "purple",
  low_threshold: "orange",
  high_threshold: "amber",
};

/** A person's glucose: the newest value with its age, and a graph with the thresholds there are. */
export function glucoseCards(context: Context, person: DeviceEntry): Config[] {
  const { localize, registry } = context;
  const glucose = registry.entityId(person.id, "sensor", "glucose");
  if (!glucose) {
    return [];
  }
  const trend = registry.entityId(person.id, "sensor", "glucose_trend");
  const thresholds = Object.entries(THRESHOLD_COLORS).flatMap(([key, color]) => {
    const entity = registry.entityId(person.id, "number", key);
    return entity ? [{ entity, ...OWN_NAME, color }] : [];
  });
  return [
    textCard(glucoseTemplate(context, glucose, trend)),
    subtitleCard(localize("glucose_graph", { hours: GLUCOSE_HOURS })),
    {
      type: "history-graph",
      hours_to_show: GLUCOSE_HOURS,
      fit_y_data: true,
      entities: [{ entity: glucose, ...OWN_NAME, color: GLUCOSE_COLOR }, ...thresholds],
      ...WIDE,
    },
  ];
}
