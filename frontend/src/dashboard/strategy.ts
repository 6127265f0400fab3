import { DOMAIN, NAME } from "../const";
import type { Config, DeviceEntry, Hass } from "../home-assistant";
import { loadTexts } from "../localize";
import { deviceName, RegistryView } from "../registry-view";
import { textCard } from "./cards";
import type { Context } from "./context";
import { detailsSection } from "./details-section";
import { householdCards } from "./household-cards";
import { firstCards, glucoseCards, personSection, reportCard } from "./person-section";
import { sourceCards } from "./source-cards";

/** Whom several sources have, by the devices of what each has of them; an older component knows of nobody. */
const samePeople = (hass: Hass): Promise<string[][]> =>
  hass.callWS<string[][]>({ type: `${DOMAIN}/same_people` }).catch(() => []);

/** Of whom several sources have, the first who is shown; one alone is by itself. */
function firstOf(same: string[][], id: string, people: DeviceEntry[]): string {
  const devices = same.find((group) => group.includes(id)) ?? [id];
  return devices.find((device) => people.some((person) => person.id === device)) ?? id;
}

/** The dashboard, made of what the registries hold; Home Assistant makes it again when they change. */
export class CareAlertsDashboard extends HTMLElement {
  /** What the dialog that makes a dashboard fills in. */
  static getCreateSuggestions(): Config {
    return { title: NAME, icon: "mdi:home-heart" };
  }

  static async generate(_config: Config, hass: Hass): Promise<Config> {
    const { localize } = await loadTexts(hass);
    const registry = new RegistryView(hass);
    const { household, sources } = registry;
    const people = registry.people.filter((person) => registry.maySee(person));
    const same = await samePeople(hass);
    const context: Context = { registry, localize, locale: hass.locale, same };
    const each = people.filter(({ id }) => firstOf(same, id, people) === id);
    const about = textCard(localize("about"));
    if (!sources.length && !people.length) {
      const cards = [textCard(localize("empty")), about];
      return { views: [{ type: "sections", sections: [{ type: "grid", cards }] }] };
    }
    const ofSources = sources.flatMap((source) => sourceCards(context, source));
    return {
      views: [
        {
          type: "sections",
          max_columns: 3,
          title: localize("now"),
          path: "now",
          sections: [
            { type: "grid", cards: firstCards() },
            ...each.map((person) => personSection(context, person)),
            ...(household ? [{ type: "grid", cards: householdCards(context, household) }] : []),
            { type: "grid", cards: [...ofSources, about] },
          ],
        },
        {
          type: "sections",
          max_columns: 3,
          title: localize("details"),
          path: "details",
          sections: each.map((person) => detailsSection(context, person)),
        },
        {
          type: "sections",
          max_columns: 2,
          title: localize("report"),
          path: "report",
          sections: each.map((person) => ({
            type: "grid",
            column_span: 2,
            cards: [reportCard(person)],
          })),
        },
        // Where a tap on a notification leads.
        ...people.map((person) => ({
          type: "sections",
          max_columns: 2,
          title: deviceName(person),
          path: person.id,
          subview: true,
          sections: [
            { type: "grid", cards: [...firstCards([person]), ...glucoseCards(context, person)] },
            detailsSection(context, person),
          ],
        })),
      ],
    };
  }
}
