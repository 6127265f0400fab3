import { expect, test } from "vitest";

import { glucoseThen } from "../../src/timeline/glucose";
import { localize } from "../home";

const LOW = localize("glucose_then_low");
const HIGH = localize("glucose_then_high");

test.each<[Record<string, unknown>, string | undefined, string]>([
  [{ glucose_mg_dl: 68 }, "mmol/L", "Glucose then: 3.8 mmol/L."],
  [{ glucose_mg_dl: 68 }, "mg/dL", "Glucose then: 68 mg/dL."],
  [{ glucose_mg_dl: 68 }, undefined, "Glucose then: 68 mg/dL."],
  [{ glucose_mmol_l: 4 }, "mmol/L", "Glucose then: 4.0 mmol/L."],
  [{ value_mmol_l: 14.04 }, "mg/dL", "Glucose then: 253 mg/dL."],
  [{ value_mmol_l: 14.04 }, undefined, "Glucose then: 14.0 mmol/L."],
  [{ value_mg_dl: 100 }, "mmol/L", "Glucose then: 5.6 mmol/L."],
  [{ glucose_mg_dl: 39, glucose_out_of_range: "low" }, "mmol/L", LOW],
  [{ glucose_mg_dl: 401, glucose_out_of_range: "high" }, "mg/dL", HIGH],
  [{ value_mmol_l: 2.2, out_of_range: "low" }, "mmol/L", LOW],
  [{ value_mmol_l: 22.3, out_of_range: "high" }, "mg/dL", HIGH],
  [{ glucose_mg_dl: 68, glucose_out_of_range: null }, "mg/dL", "Glucose then: 68 mg/dL."],
  [{ glucose_mg_dl: "68" }, "mg/dL", ""],
  [{}, "mg/dL", ""],
])("%j in %s: %s", (details, unit, expected) => {
  expect(glucoseThen(localize, "en", details, unit)).toBe(expected);
});

test("numbers are written as in the user's language", () => {
  expect(glucoseThen(localize, "de", { value_mg_dl: 100 }, "mmol/L")).toContain("5,6 mmol/L");
});
