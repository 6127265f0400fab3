import { expect, test } from "vitest";

import translations from "../../custom_components/care_alerts/translations/en.json";
import { loadTexts } from "../src/localize";
import { home } from "./home";

test("a text is the dashboard's, else one that others say too, else its key", async () => {
  const { localize, stateName } = await loadTexts(home());
  expect(localize("acknowledge")).toBe(translations.common.dashboard_acknowledge);
  expect(localize("minutes", { minutes: 5 })).toBe("5 min");
  expect(localize("not there" as "now")).toBe("not there");
  expect(stateName("sensor.last_alert", "low")).toBe(
    translations.entity.sensor.last_alert.state.low,
  );
  expect(stateName("sensor.last_alert", "not there")).toBe("");
});
