import { NAME, STRATEGY, TIMELINE } from "./const";
import { CareAlertsDashboard } from "./dashboard/strategy";
import { CareAlertsTimeline } from "./timeline/care-alerts-timeline";

interface OfferedStrategy {
  type: string;
  strategyType: "dashboard";
  name: string;
  description: string;
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
  customElements.define(`ll-strategy-dashboard-${STRATEGY}`, CareAlertsDashboard);
  (window.customStrategies ??= []).push({
    type: STRATEGY,
    strategyType: "dashboard",
    name: NAME,
    description: "The alerts of the people you look after, and whether their sources speak.",
  });
}
