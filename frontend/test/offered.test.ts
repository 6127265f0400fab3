// @vitest-environment happy-dom
import { expect, test } from "vitest";

import german from "../../custom_components/care_alerts/translations/de.json";
import english from "../../custom_components/care_alerts/translations/en.json";
import { say } from "../src/offered";

test.each([
  ["en", english],
  ["de", german],
  ["ja", english],
])("before a text is loaded, things are offered in the language of the page: %s", (lang, texts) => {
  document.documentElement.lang = lang;
  expect(say("offer")).toBe(texts.common.dashboard_offer);
  expect(say("card_glucose")).toBe(texts.common.dashboard_card_glucose);
});
