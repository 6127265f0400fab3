import type { TextKey } from "./localize";

/** By language, what dialogs offer cards and the dashboard by: put in by `build.js`, as no text is loaded before one is used. */
declare const OFFERED: Record<string, Partial<Record<TextKey, string>>>;

/** What something of ours is called where Home Assistant offers it, in the language of the page. */
export const say = (key: TextKey): string =>
  (OFFERED[document.documentElement.lang] ?? OFFERED.en)?.[key] ?? key;
