import type { Episode, Glucose, GlucoseUnit } from "../data/model";
import type { Texts } from "../localize";
import { severityNames } from "../severity";
import { formatDuration, type Clock } from "../time";

/** What sentences are made with. */
export interface Wording extends Texts {
  clock: Clock;
  language: string;
  now: Date;
}

export const digitsOf = (unit: GlucoseUnit): number => (unit === "mmol/L" ? 1 : 0);

/** "5.6 mmol/L", in the user's language. */
export function formatGlucose(language: string, value: number, unit: GlucoseUnit): string {
  const digits = digitsOf(unit);
  const number = value.toLocaleString(language, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return `${number} ${unit}`;
}

type Measured = Pick<Glucose, "value" | "out_of_range">;

/** A value as it may be said: beyond what a sensor can tell, no number would be true. */
export function glucoseText(
  { localize, language }: Wording,
  { value, out_of_range }: Measured,
  unit: GlucoseUnit,
): string {
  if (out_of_range) {
    return out_of_range === "low" ? localize("glucose_low") : localize("glucose_high");
  }
  return formatGlucose(language, value, unit);
}

/** The same, for a sentence: with what "LOW" means. */
export function glucoseInWords(wording: Wording, measured: Measured, unit: GlucoseUnit): string {
  const { localize } = wording;
  const { out_of_range } = measured;
  if (out_of_range) {
    return out_of_range === "low"
      ? localize("notification_glucose_low")
      : localize("notification_glucose_high");
  }
  return glucoseText(wording, measured, unit);
}

/** How long ago, in words; 0 min for what a fast clock puts into the future. */
export function ageOf({ localize, now }: Wording, moment: Date): string {
  const minutes = Math.floor((now.getTime() - moment.getTime()) / 60_000);
  return formatDuration(localize, Math.max(0, minutes));
}

/** The time and the age of something, for a text that has room for both. */
export const timeAndAge = (wording: Wording, iso: string): { time: string; age: string } => {
  const moment = new Date(iso);
  return { time: wording.clock.timeBeside(moment, wording.now), age: ageOf(wording, moment) };
};

/** "Low", "Weight: Goal reached" or "DRILL: Low". */
function alertName({ localize, stateName }: Texts, episode: Episode): string {
  const { alert_type, subtype, drill } = episode;
  const name = stateName("sensor.last_alert", alert_type) || alert_type;
  const detail = subtype ? stateName(`sensor.${alert_type}_status`, subtype) : "";
  return [drill && localize("drill"), name, detail].filter(Boolean).join(": ");
}

/** "Low · medium severity"; the lowest severity is not named, as there is good news among it. */
export function titleOf(texts: Texts, episode: Episode): string {
  const severity = severityNames(texts.localize)[episode.severity];
  return [alertName(texts, episode), severity].filter(Boolean).join(" · ");
}

/** What it was, when, and since when: never that it is so now. */
export function observedText(wording: Wording, episode: Episode): string {
  const { localize } = wording;
  const { unit } = episode;
  const { opened_at, last_seen_at, value: known, out_of_range } = episode;
  const when = timeAndAge(wording, last_seen_at);
  const value = known === null ? "" : glucoseInWords(wording, { value: known, out_of_range }, unit);
  const parts = [
    value ? localize("observed_value", { value, ...when }) : localize("observed", when),
  ];
  if (Date.parse(opened_at) < Date.parse(last_seen_at)) {
    parts.push(localize("first", timeAndAge(wording, opened_at)));
  }
  return parts.join(" ");
}

/** What was done about it: on the person's own device, and in the house. */
export function whatWasDone(wording: Wording, episode: Episode): string {
  const { localize, clock, now } = wording;
  const { handled_on_device_at: at } = episode;
  const handled =
    at && localize("handled_on_device", { time: clock.timeBeside(new Date(at), now) });
  return [handled, whoHasIt(wording, episode)].filter(Boolean).join(" ");
}

/** Which sources have it, from when, and when what came late came; "" for the word of one. */
export function witnessesText(wording: Wording, { witnesses }: Episode): string {
  const { localize, clock, now } = wording;
  const at = (iso: string): string => clock.timeBeside(new Date(iso), now);
  return (witnesses ?? [])
    .map(({ source, opened_at, received_at, is_live }) => {
      const time = at(opened_at);
      return is_live
        ? localize("notification_witness_live", { source, time })
        : localize("notification_witness", { source, time, arrived: at(received_at) });
    })
    .join("; ");
}

/** Who has it, or until when it is snoozed, or that nobody has it; "" for what is over. */
function whoHasIt(wording: Wording, episode: Episode): string {
  const { localize, clock, now } = wording;
  const { acknowledged_by, acknowledged_at, snoozed_until } = episode;
  const at = (iso: string): string => clock.timeBeside(new Date(iso), now);
  if (acknowledged_at) {
    return localize("has_it", {
      who: acknowledged_by ?? localize("somebody_begins"),
      time: at(acknowledged_at),
    });
  }
  if (snoozed_until) {
    return localize("snoozed", { time: at(snoozed_until) });
  }
  return localize("nobody_has_it");
}

/** Why a source is in trouble, in words. */
export function reasonText({ localize, stateName }: Texts, status: string): string {
  return status === "not_running"
    ? localize("not_running")
    : stateName("sensor.status", status) || status;
}
