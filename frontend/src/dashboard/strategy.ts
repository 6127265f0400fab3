import { NAME } from "../const";
import type { Config, Hass } from "../home-assistant";
import { loadTexts } from "../localize";
import { deviceName, RegistryView } from "../registry-view";
import { textCard } from "./cards";
import type { Context } from "./context";
import { detailsSection } from "./details-section";
import { householdCards } from "./household-cards";
import { firstCards, glucoseCards, personSection } from "./person-section";
import { sourceCards } from "./source-cards";

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
    const context: Context = { registry, localize, locale: hass.locale };
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
            ...people.map((person) => personSection(context, person)),
            ...(household ? [{ type: "grid", cards: householdCards(context, household) }] : []),
            { type: "grid", cards: [...ofSources, about] },
          ],
        },
        {
          type: "sections",
          max_columns: 3,
          title: localize("details"),
          path: "details",
          sections: people.map((person) => detailsSection(context, person)),
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
