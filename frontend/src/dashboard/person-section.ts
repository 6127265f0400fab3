import { GLUCOSE, NEEDS_YOU, PERSON, RECENT_DAYS, REPORT, TIMELINE } from "../const";
import type { GlucoseConfig } from "../glucose/care-alerts-glucose";
import type { NeedsYouConfig } from "../cards/needs-you";
import type { PersonConfig } from "../cards/person";
import type { Config, DeviceEntry } from "../home-assistant";
import type { ReportConfig } from "../report/care-alerts-report";
import type { TimelineConfig } from "../timeline/care-alerts-timeline";
import { headingCard, WIDE } from "./cards";
import type { Context } from "./context";

/** Who needs somebody, and a line for each of whom this is about: what a first screen has room for. */
export function firstCards(people?: DeviceEntry[]): Config[] {
  const about = people && { people: people.map(({ id }) => id) };
  const needsYou: NeedsYouConfig = { ...about };
  const lines: PersonConfig = { ...about, has_views: !people };
  return [
    { type: `custom:${NEEDS_YOU}`, ...needsYou, ...WIDE },
    { type: `custom:${PERSON}`, ...lines, ...WIDE },
  ];
}

/** What has been of a person: their glucose, and their alerts. */
export const personSection = (context: Context, person: DeviceEntry): Config => ({
  type: "grid",
  cards: [
    headingCard(person, "mdi:account-heart"),
    ...glucoseCards(context, person),
    timelineCard(person, RECENT_DAYS),
  ],
});

/** The curve of whoever wears a sensor, as each source has it. */
export function glucoseCards({ registry, same }: Context, person: DeviceEntry): Config[] {
  const devices = same.find((group) => group.includes(person.id)) ?? [person.id];
  return devices
    .filter((id) => registry.entityId(id, "sensor", "glucose"))
    .map((device_id) => {
      const config: GlucoseConfig = { device_id };
      return { type: `custom:${GLUCOSE}`, ...config, ...WIDE };
    });
}

/** What there was of a person in a night, or in two weeks. */
export function reportCard(person: DeviceEntry): Config {
  const config: ReportConfig = { device_id: person.id };
  return { type: `custom:${REPORT}`, ...config, ...WIDE };
}

/** A person's alerts of the last days. */
export function timelineCard(person: DeviceEntry, days: number): Config {
  const config: TimelineConfig = { device_id: person.id, days };
  return { type: `custom:${TIMELINE}`, ...config, ...WIDE };
}
