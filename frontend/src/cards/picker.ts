/** The cards in Home Assistant's card picker: by name, and as a suggestion for entities of ours. */
import { DOMAIN, GLUCOSE, NEEDS_YOU, PERSON, REPORT, TIMELINE } from "../const";
import type { Config, Hass } from "../home-assistant";
import { say } from "../offered";
import { RegistryView } from "../registry-view";

interface Suggestion {
  label: string;
  config: Config;
}

interface OfferedCard {
  type: string;
  readonly name: string;
  readonly description: string;
  preview: boolean;
  getEntitySuggestion(hass: Hass, entityId: string): Suggestion | null;
}

declare global {
  interface Window {
    /** What the card picker offers. */
    customCards?: OfferedCard[];
  }
}

interface Offer {
  name: () => string;
  description: () => string;
  /** What is made for an entity of a person, by its domain and translation key; nothing for others. */
  config: (personId: string, domain: string, key: string) => Config | undefined;
}

const OFFERS: Record<string, Offer> = {
  [NEEDS_YOU]: {
    name: () => say("card_needs_you"),
    description: () => say("card_needs_you_text"),
    config: (person, domain) =>
      domain === "binary_sensor" || domain === "event" ? { people: [person] } : undefined,
  },
  [PERSON]: {
    name: () => say("card_person"),
    description: () => say("card_person_text"),
    config: (person) => ({ people: [person] }),
  },
  [GLUCOSE]: {
    name: () => say("card_glucose"),
    description: () => say("card_glucose_text"),
    config: (person, _domain, key) =>
      key.startsWith("glucose") ? { device_id: person } : undefined,
  },
  [TIMELINE]: {
    name: () => say("card_timeline"),
    description: () => say("card_timeline_text"),
    config: (person, domain) =>
      domain === "binary_sensor" || domain === "event" ? { device_id: person } : undefined,
  },
  [REPORT]: {
    name: () => say("card_report"),
    description: () => say("card_report_text"),
    config: (person, domain) => (domain === "event" ? { device_id: person } : undefined),
  },
};

/** Put the cards into the picker. Their words are read when it opens: the page has no language yet when this runs. */
export function offerCards(): void {
  const cards = (window.customCards ??= []);
  for (const [type, { name, description, config }] of Object.entries(OFFERS)) {
    cards.push({
      type,
      get name() {
        return name();
      },
      get description() {
        return description();
      },
      preview: true,
      getEntitySuggestion(hass, entityId) {
        const entity = hass.entities[entityId];
        const person = new RegistryView(hass).people.find(({ id }) => id === entity?.device_id);
        const domain = entityId.split(".")[0] ?? "";
        const made =
          person && entity?.platform === DOMAIN
            ? config(person.id, domain, entity.translation_key ?? "")
            : undefined;
        return made ? { label: name(), config: { type: `custom:${type}`, ...made } } : null;
      },
    });
  }
}
