/** What `care_alerts/subscribe_person` sends. Times are ISO 8601 where they are texts, seconds since 1970 where not. */
import type { Severity } from "../severity";

export type GlucoseUnit = "mg/dL" | "mmol/L";

export interface Glucose {
  /** In the person's unit. */
  value: number;
  trend: string | null;
  /** Beyond what the sensor can tell: the value is then only its limit. */
  out_of_range: "low" | "high" | null;
  observed_at: string;
  received_at: string | null;
  /** Whether it may be shown as of the present, which ends by itself at `until`. */
  is_now: boolean;
  until: string | null;
}

export interface Threshold {
  kind: "urgent_low" | "low" | "high";
  /** In the person's unit; null: there was none from then on. */
  value: number | null;
  since: string;
}

export interface Person {
  device_id: string;
  name: string;
  source: string;
  /** What the user calls the source. */
  source_name: string;
  /** "ok", or what is wrong with what is heard of them. */
  status: string;
  silent: boolean;
  silent_reason: string | null;
  data_through: string | null;
  /** The usual delay of the source in seconds, once it is known. */
  delay: number | null;
  /** What this source says is never of the present. */
  is_delayed: boolean;
  unit: GlucoseUnit;
  /** The last value known. */
  glucose: Glucose | null;
  /** Oldest first. */
  thresholds: Threshold[];
  on_duty: string[];
  /** The devices of what all sources have of them; empty if one alone has them. */
  same_as: string[];
  /** Where in Home Assistant the trouble is mended. */
  way_out: string | null;
}

export interface GlucoseThen {
  /** In the person's unit; null where none is known. */
  value: number | null;
  /** Beyond what the sensor can tell: no number would be true. */
  out_of_range: "low" | "high" | null;
}

/** What one of several sources first said of an episode. */
export interface Witness {
  source: string;
  opened_at: string;
  received_at: string;
  is_live: boolean;
}

export interface Episode extends GlucoseThen {
  episode_id: string;
  ids: string[];
  alert_type: string;
  /** The source's own word for what it is about, such as that of a daily analysis. */
  subtype: string | null;
  severity: Severity;
  drill: boolean;
  opened_at: string;
  received_at: string;
  last_seen_at: string;
  ended_at: string | null;
  end_reason: string | null;
  is_open: boolean;
  /** It came later than usual. */
  late: boolean;
  /** When somebody answered it on the person's own device: nobody in the house has it by that. */
  handled_on_device_at: string | null;
  acknowledged_by: string | null;
  acknowledged_at: string | null;
  snoozed_until: string | null;
  needs_somebody: boolean;
  /** Its binary sensor, where it has one. */
  entity_id: string | null;
  trend: string | null;
  /** The glucose when it was first observed; the one above is of when it was last seen. */
  first: GlucoseThen;
  /** The unit of its glucose. */
  unit: GlucoseUnit;
  /** Whether it is what that is called after which it is of the household. */
  is_worst: boolean;
  /** What its source is called, and whether that spoke as it happened. */
  source: string;
  is_live: boolean;
  /** Whose word it is, where several sources have it: made here. */
  witnesses?: Witness[];
}

/** Observed, received (both in seconds since 1970), mg/dL, and whether that is beyond what the sensor can tell. */
export type Reading = [
  observed: number,
  received: number | null,
  mgDl: number,
  outOfRange: "low" | "high" | null,
];

export interface PersonEvent {
  person: Person;
  /** Oldest first. */
  episodes: Episode[];
  /** The first event has all; later ones only what is new or changed. */
  readings: Reading[];
}
