import { html, nothing, type TemplateResult } from "lit";

import { digitsOf, formatGlucose, type Wording } from "../cards/wording";
import type { GlucoseUnit } from "../data/model";
import { severityNames } from "../severity";
import { formatDuration } from "../time";
import type {
  Band,
  EpisodeReport,
  GlucoseReport,
  GlucoseTime,
  Limit,
  NightReport,
  PersonReport,
} from "./model";

type Extreme = NonNullable<GlucoseReport["lowest"]>;
type Range = readonly [from: number | undefined, to: number | undefined];
type Cell = TemplateResult | string | typeof nothing;

const BANDS: readonly Band[] = ["very_high", "high", "in_range", "low", "very_low"];

/** The bands' limits as the consensus has them, in either unit. */
const LIMITS: Record<GlucoseUnit, Record<Band, Range>> = {
  "mg/dL": {
    very_high: [250, undefined],
    high: [181, 250],
    in_range: [70, 180],
    low: [54, 69],
    very_low: [undefined, 54],
  },
  "mmol/L": {
    very_high: [13.9, undefined],
    high: [10.1, 13.9],
    in_range: [3.9, 10],
    low: [3, 3.8],
    very_low: [undefined, 3],
  },
};

/** "72.4 %", in the user's language; a dash of which nothing is known. */
export function percent({ language }: Wording, value: number | null | undefined): string {
  return value === null || value === undefined
    ? "–"
    : (value / 100).toLocaleString(language, { style: "percent", maximumFractionDigits: 1 });
}

const minutes = ({ localize }: Wording, value: number): string =>
  formatDuration(localize, Math.round(value));

/**
 * A table whose first column says what its line is about.
 *
 * Where it is too narrow for columns, each cell bears the name of its column: the roles say that it is a table all the same.
 */
const table = (caption: string, columns: string[], rows: Cell[][]): TemplateResult =>
  html`<table role="table" aria-label=${caption}>
    <thead role="rowgroup">
      <tr role="row">
        ${columns.map((name) => html`<th role="columnheader" scope="col">${name}</th>`)}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map(
        ([first, ...cells]) =>
          html`<tr role="row">
            <th role="rowheader" scope="row">${first}</th>
            ${cells.map((cell, index) => html`<td role="cell" data-column=${columns[index + 1] ?? ""}>${cell}</td>`)}
          </tr>`,
      )}
    </tbody>
  </table>`;

/** Minutes, and their share of what data cover: that stands in the last column. No minutes where it is nothing. */
const share = (wording: Wording, value: number, of: number | null): Cell =>
  of === null
    ? percent(wording, of)
    : html`${minutes(wording, value)} <small>${percent(wording, of)}</small>`;

function bandName({ language }: Wording, band: Band, unit: GlucoseUnit): string {
  const number = (value: number): string =>
    value.toLocaleString(language, { minimumFractionDigits: digitsOf(unit) });
  const [from, to] = LIMITS[unit][band];
  if (from === undefined || to === undefined) {
    return from === undefined ? `< ${number(to ?? 0)} ${unit}` : `> ${number(from)} ${unit}`;
  }
  return `${number(from)}–${number(to)} ${unit}`;
}

/** How much is known of a time. */
const coveredText = (wording: Wording, time: GlucoseTime): string =>
  wording.localize("report_covered", {
    percent: percent(wording, time.coverage_percent),
    covered: minutes(wording, time.covered_minutes),
    time: minutes(wording, time.minutes),
  });

function ruleText(
  wording: Wording,
  kind: "below" | "above",
  one: Limit,
  unit: GlucoseUnit,
): string {
  const { localize, language } = wording;
  const value = formatGlucose(language, one.value, unit);
  if (one.rule === "own") {
    return kind === "below"
      ? localize("report_below_own", { value })
      : localize("report_above_own", { value });
  }
  return kind === "below"
    ? localize("report_below_consensus", { value })
    : localize("report_above_consensus", { value });
}

/** How glucose was: how much is known of it, and of that how long it was where. */
export function renderGlucose(
  wording: Wording,
  glucose: GlucoseReport,
  extremeOf: (extreme: Extreme) => { value: string; time: string },
): TemplateResult {
  const { localize } = wording;
  const { unit, lowest, highest } = glucose;
  const covered = percent(wording, glucose.coverage_percent);
  const columns = [
    localize("report_glucose"),
    localize("report_share"),
    localize("report_length"),
    localize("report_of_time"),
  ];
  return html`<h3>${localize("report_glucose")}</h3>
    <p>${coveredText(wording, glucose)}</p>
    ${lowest ? html`<p>${localize("report_lowest", extremeOf(lowest))}</p>` : nothing}
    ${highest ? html`<p>${localize("report_highest", extremeOf(highest))}</p>` : nothing}
    ${table(
      localize("report_bands"),
      columns,
      BANDS.map((band) => [
        bandName(wording, band, unit),
        percent(wording, glucose.bands[band].percent),
        minutes(wording, glucose.bands[band].minutes),
        covered,
      ]),
    )}
    <p class="aside">${localize("report_bands")}</p>
    ${table(
      localize("report_limits"),
      [localize("report_limits"), ...columns.slice(1)],
      [
        [
          glucose.counts_as_below.map((one) => ruleText(wording, "below", one, unit)).join(" "),
          percent(wording, glucose.percent_below),
          minutes(wording, glucose.minutes_below),
          covered,
        ],
        [
          glucose.counts_as_above.map((one) => ruleText(wording, "above", one, unit)).join(" "),
          percent(wording, glucose.percent_above),
          minutes(wording, glucose.minutes_above),
          covered,
        ],
      ],
    )}`;
}

/** The hours of the day in which glucose was below, on however many days. */
export function renderHours(wording: Wording, glucose: GlucoseReport): TemplateResult {
  const { localize } = wording;
  const low = glucose.hours.filter((one) => one.minutes_below > 0);
  const pad = (hour: number): string => String(hour % 24).padStart(2, "0");
  const columns = [
    localize("report_hour"),
    localize("report_days"),
    localize("report_below"),
    localize("report_of_time"),
  ];
  return html`<h3>${localize("report_hours")}</h3>
    ${
      low.length
        ? table(
            localize("report_hours"),
            columns,
            low.map((one) => [
              `${pad(one.hour)}–${pad(one.hour + 1)}`,
              String(one.days_below),
              share(wording, one.minutes_below, one.percent_below),
              percent(wording, one.coverage_percent),
            ]),
          )
        : html`<p>${localize("report_hours_none")}</p>`
    }`;
}

/** Each night: alerts, and how glucose was as far as it is known. */
export function renderNights(wording: Wording, one: PersonReport): TemplateResult {
  const { localize, clock } = wording;
  const row = (night: NightReport): Cell[] => {
    const day = clock.shortDay(new Date(night.end));
    const first = [
      night.is_whole ? day : localize("report_part", { day }),
      night.alerts === null ? "–" : String(night.alerts),
    ];
    const { minutes_below, minutes_above } = night;
    return minutes_below === undefined || minutes_above === undefined
      ? first
      : [
          ...first,
          share(wording, minutes_below, night.percent_below ?? null),
          share(wording, minutes_above, night.percent_above ?? null),
          percent(wording, night.coverage_percent),
        ];
  };
  const columns = [localize("report_morning"), localize("report_alerts")];
  if (one.glucose) {
    columns.push(localize("report_below"), localize("report_above"), localize("report_of_time"));
  }
  return html`<h3>${localize("report_nights")}</h3>
    ${table(localize("report_nights"), columns, one.nights.map(row))}
    ${
      one.alerts_per_night === null
        ? nothing
        : html`<p>
            ${localize("report_per_night", {
              count: one.alerts_per_night.toLocaleString(wording.language),
              nights: one.whole_nights,
            })}
          </p>`
    }`;
}

/** What became of an episode, as far as anybody answered it. */
function outcomeText({ localize }: Wording, one: EpisodeReport): string {
  const { outcome, answered_by, answered_after_seconds, end_reason } = one;
  const seconds = answered_after_seconds;
  const answer =
    seconds === null
      ? ""
      : localize("report_answered", {
          who: answered_by ?? localize("somebody_begins"),
          age: formatDuration(localize, Math.round(seconds / 60)),
        });
  const withAnswer = (text: string): string => [text, answer].filter(Boolean).join(" ");
  const isLost = end_reason === "expired";
  switch (outcome) {
    case "answered":
      return answer;
    case "unanswered":
      return withAnswer(isLost ? localize("report_nobody") : localize("report_unanswered_one"));
    case "open":
      return localize("nobody_has_it");
    case "over_before_told":
      return withAnswer(isLost ? localize("report_came_later") : localize("report_late"));
    case "not_told":
      return localize("report_not_told");
  }
}

/** How long it lasted, where its end is known; "" of what has none yet. */
function endText(wording: Wording, { opened_at, ended_at, end_reason }: EpisodeReport): string {
  const { localize, clock } = wording;
  if (!ended_at) {
    return "";
  }
  const [from, to] = [new Date(opened_at), new Date(ended_at)];
  return end_reason === "expired"
    ? localize("notification_lost", { time: clock.timeBeside(to, from) })
    : localize("report_lasted", {
        age: minutes(wording, (to.getTime() - from.getTime()) / 60_000),
      });
}

/** Which other sources have it, and from when. */
function alsoTexts(
  { localize, clock }: Wording,
  { opened_at, witnesses }: EpisodeReport,
  nameOf: (source: string) => string,
): string[] {
  const first = witnesses.find(({ observed_at }) => observed_at === opened_at);
  return witnesses
    .filter((one) => one !== first)
    .map(({ source, observed_at }) =>
      localize("report_also", {
        source: nameOf(source),
        time: clock.timeBeside(new Date(observed_at), new Date(opened_at)),
      }),
    );
}

/** The episodes there were, and how many of them nobody answered; `nameOf`: what a source is called. */
export function renderAlerts(
  wording: Wording,
  one: PersonReport,
  nameOf: (source: string) => string,
): TemplateResult {
  const { localize, clock, stateName } = wording;
  const { answered, unanswered } = one.outcomes;
  const all = answered + unanswered;
  const counts = { count: unanswered, all, percent: percent(wording, one.unanswered_percent) };
  const isAnyLost = one.episodes.some(
    ({ outcome, end_reason }) => outcome === "unanswered" && end_reason === "expired",
  );
  const name = ({ alert_type, severity }: EpisodeReport): string =>
    [stateName("sensor.last_alert", alert_type) || alert_type, severityNames(localize)[severity]]
      .filter(Boolean)
      .join(" · ");
  return html`<h3>${localize("report_alerts")}</h3>
    ${
      all
        ? html`<p>
            ${isAnyLost ? localize("report_nobody_of", counts) : localize("report_unanswered", counts)}
            ${one.glucose ? coveredText(wording, one.glucose) : nothing}
          </p>`
        : nothing
    }
    ${
      one.episodes.length
        ? table(
            localize("report_alerts"),
            [localize("table_time"), localize("report_alert"), localize("report_answer")],
            one.episodes.map((episode) => [
              clock.shortDateTime(new Date(episode.opened_at)),
              html`${name(episode)}
              <small>${endText(wording, episode)}</small>
              ${alsoTexts(wording, episode, nameOf).map((text) => html`<small class="also">${text}</small>`)}`,
              outcomeText(wording, episode),
            ]),
          )
        : html`<p>${localize("timeline_empty")}</p>`
    }`;
}
