import { readdir, readFile } from "node:fs/promises";

const TRANSLATIONS = new URL("../custom_components/care_alerts/translations/", import.meta.url);

/** @type {(text: string) => { common: Record<string, string> }} */
const parse = JSON.parse;

/**
 * What Home Assistant's dialogs offer our cards and our dashboard by, in every language: for `define`.
 * @returns {Promise<Record<string, string>>}
 */
export async function offered() {
  /** @type {Record<string, Record<string, string>>} */
  const words = {};
  for (const file of (await readdir(TRANSLATIONS)).sort()) {
    const { common } = parse(await readFile(new URL(file, TRANSLATIONS), "utf8"));
    words[file.replace(".json", "")] = Object.fromEntries(
      Object.entries(common)
        .filter(([key]) => /^dashboard_(card_|offer)/.test(key))
        .map(([key, text]) => [key.replace("dashboard_", ""), text]),
    );
  }
  return { OFFERED: JSON.stringify(words) };
}
