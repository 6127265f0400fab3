/** What the action `care_alerts.get_report` answers of one person. Times are ISO 8601; each percentage has its coverage beside it. */
import type { GlucoseThen, GlucoseUnit } from "../data/model";

export interface GlucoseTime {
  minutes: number;
  covered_minutes: number;
  coverage_percent: number | null;
  minutes_below: number;
  percent_below: number | null;
  minutes_above: number;
  percent_above: number | null;
}

export type Band = "very_low" | "low" | "in_range" | "high" | "very_high";

interface Extreme extends GlucoseThen {
  value: number;
  observed_at: string;
}

/** What counted: own alert thresholds as they were, or the international consensus where there were none. */
export interface Limit {
  rule: "own" | "consensus";
  value: number;
  since: string | null;
}

export interface HourOfDay extends GlucoseTime {
  hour: number;
  days_below: number;
}

export interface GlucoseReport extends GlucoseTime {
  unit: GlucoseUnit;
  readings: number;
  bands: Record<Band, { minutes: number; percent: number | null }>;
  lowest: Extreme | null;
  highest: Extreme | null;
  counts_as_below: Limit[];
  counts_as_above: Limit[];
  hours: HourOfDay[];
}

export type Outcome = "answered" | "unanswered" | "open" | "over_before_told" | "not_told";

/** What a source has first said of an episode. */
export interface Witness {
  source: string;
  observed_at: string;
  received_at: string;
}

export interface EpisodeReport {
  alert_type: string;
  severity: "low" | "medium" | "high";
  opened_at: string;
  ended_at: string | null;
  /** `expired`: nothing more was heard of it, and how long it lasted nobody knows. */
  end_reason: "source" | "newer_day" | "expired" | null;
  told_at: string | null;
  answered_by: string | null;
  answered_at: string | null;
  answered_after_seconds: number | null;
  outcome: Outcome;
  /** In order. */
  witnesses: Witness[];
}

/** Of whom there is no glucose there is nothing of it here either. */
export interface NightReport extends Partial<GlucoseTime> {
  start: string;
  end: string;
  is_whole: boolean;
  /** None where nobody looked for any yet. */
  alerts: number | null;
}

export interface PersonReport {
  person: string;
  source: string;
  data_through: string | null;
  glucose: GlucoseReport | null;
  alerts: number;
  alerts_per_night: number | null;
  whole_nights: number;
  outcomes: Record<Outcome, number>;
  unanswered_percent: number | null;
  coverage_percent: number | null;
  episodes: EpisodeReport[];
  nights: NightReport[];
}

export interface Report {
  start: string;
  end: string;
  alerts_kept_from: string | null;
  readings_kept_from: string | null;
  people: PersonReport[];
}
