export const DOMAIN = "care_alerts";
export const NAME = "Care Alerts";
export const STRATEGY = "care-alerts";
export const TIMELINE = "care-alerts-timeline";
export const NEEDS_YOU = "care-alerts-needs-you";
export const PERSON = "care-alerts-person";
export const GLUCOSE = "care-alerts-glucose";
export const REPORT = "care-alerts-report";

/** What the tile "Snooze" offers: ours, long enough to see to somebody and short enough to be asked again. */
export const SNOOZE_MINUTES = 30;
/** What the glucose graph shows: a night. */
export const GLUCOSE_HOURS = 12;
/** How far the timeline reaches at first sight, and in the details. */
export const RECENT_DAYS = 3;
export const ALL_DAYS = 10;
export const DAY_MS = 86_400_000;
