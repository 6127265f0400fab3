import { offerCards } from "./cards/picker";
import { CareAlertsNeedsYou } from "./cards/needs-you";
import { CareAlertsPerson } from "./cards/person";
import { GLUCOSE, NAME, NEEDS_YOU, PERSON, REPORT, STRATEGY, TIMELINE } from "./const";
import { CareAlertsDashboard } from "./dashboard/strategy";
import { CareAlertsGlucose } from "./glucose/care-alerts-glucose";
import { say } from "./offered";
import { CareAlertsReport } from "./report/care-alerts-report";
import { CareAlertsTimeline } from "./timeline/care-alerts-timeline";

interface OfferedStrategy {
  type: string;
  strategyType: "dashboard";
  name: string;
  readonly description: string;
}

declare global {
  interface Window {
    /** What the dialog that adds a dashboard offers. */
    customStrategies?: OfferedStrategy[];
  }
}

// Home Assistant may load the module twice: by its old and its new address after an upgrade.
if (!customElements.get(TIMELINE)) {
  customElements.define(TIMELINE, CareAlertsTimeline);
  customElements.define(NEEDS_YOU, CareAlertsNeedsYou);
  customElements.define(GLUCOSE, CareAlertsGlucose);
  customElements.define(PERSON, CareAlertsPerson);
  customElements.define(REPORT, CareAlertsReport);
  customElements.define(`ll-strategy-dashboard-${STRATEGY}`, CareAlertsDashboard);
  offerCards();
  (window.customStrategies ??= []).push({
    type: STRATEGY,
    strategyType: "dashboard",
    name: NAME,
    get description() {
      return say("offer");
    },
  });
}
