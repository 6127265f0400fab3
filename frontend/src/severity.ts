import type { Localize } from "./localize";

/** From the mildest to the worst. */
export const SEVERITIES = ["low", "medium", "high"] as const;

export type Severity = (typeof SEVERITIES)[number];

/** Word and shape tell a severity; colours only repeat it. The mildest's for one that is not known here. */
export function severityIcon(severity: string): string {
  switch (severity) {
    case "high":
      return "mdi:alert-circle";
    case "medium":
      return "mdi:alert";
    default:
      return "mdi:information-outline";
  }
}

/** How bad an alert is, in words; the lowest severity has none, as there is good news among it. */
export const severityNames = (localize: Localize): Partial<Record<Severity, string>> => ({
  high: localize("severity_high"),
  medium: localize("severity_medium"),
});
