import type translations from "../../custom_components/care_alerts/translations/en.json";
import { DOMAIN } from "./const";
import type { Hass } from "./home-assistant";

type Common = keyof typeof translations.common;
type OfTheDashboard<Key> = Key extends `dashboard_${infer Short}` ? Short : never;

/** The texts there are, those of the dashboard without their prefix: a few words are not the dashboard's alone. */
export type TextKey = OfTheDashboard<Common> | Common;

/** A text of the dashboard in the user's language. */
export type Localize = (key: TextKey, values?: Record<string, string | number>) => string;

/** What `sensor.last_alert` calls `high`, in the user's language; or "". */
export type StateName = (entity: string, state: string) => string;

export interface Texts {
  localize: Localize;
  stateName: StateName;
}

let loading: { language: string; texts: Promise<Texts> } | undefined;

/** Load the integration's own texts, once for all cards and each language. */
export function loadTexts(hass: Hass): Promise<Texts> {
  const { language } = hass.locale;
  if (loading?.language !== language) {
    const texts = askForTexts(hass);
    loading = { language, texts };
    // Asked for again by whoever needs them next.
    texts.catch(() => (loading = undefined));
  }
  return loading.texts;
}

/** `translations/*.json`: those in `common`, and what its entities call states. */
async function askForTexts(hass: Hass): Promise<Texts> {
  await hass.loadBackendTranslation("entity", DOMAIN);
  const backend = await hass.loadBackendTranslation("common", DOMAIN);
  const common: Localize = (key, values) => backend(`component.${DOMAIN}.common.${key}`, values);
  return {
    localize: (key, values) =>
      common(`dashboard_${key}` as TextKey, values) || common(key, values) || key,
    stateName: (entity, state) => backend(`component.${DOMAIN}.entity.${entity}.state.${state}`),
  };
}
