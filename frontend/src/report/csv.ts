import { digitsOf } from "../cards/wording";
import type { PersonReport, Report } from "./model";

type Cell = string | number | null | undefined;

const COLUMNS = [
  "what",
  "name",
  "start",
  "end",
  "alerts",
  "minutes",
  "percent",
  "minutes_below",
  "percent_below",
  "minutes_above",
  "percent_above",
  "coverage_percent",
  "value",
  "unit",
  "outcome",
  "answered_by",
  "answered_after_seconds",
  "severity",
  "end_reason",
  "out_of_range",
] as const;

type Row = Partial<Record<(typeof COLUMNS)[number], Cell>>;

/**
 * A report as a table, a line for each figure, each percentage beside its coverage: for a spreadsheet.
 *
 * The names are those of the action's answer, whatever the language.
 */
export function csvOf(report: Report, one: PersonReport): string {
  const lines = [COLUMNS as readonly Cell[], ...rowsOf(report, one).map(cellsOf)];
  return lines.map((cells) => `${cells.map(quoted).join(",")}\r\n`).join("");
}

const cellsOf = (row: Row): Cell[] => COLUMNS.map((column) => row[column]);

function rowsOf({ start, end }: Report, one: PersonReport): Row[] {
  const { glucose, coverage_percent } = one;
  const time = { start, end };
  const rows: Row[] = [
    { what: "report", name: one.person, ...time, alerts: one.alerts, coverage_percent },
    { what: "unanswered", ...time, percent: one.unanswered_percent, coverage_percent },
  ];
  if (glucose) {
    const { unit } = glucose;
    rows.push({ what: "glucose", ...time, ...glucose });
    for (const [name, { minutes, percent }] of Object.entries(glucose.bands)) {
      rows.push({ what: "band", name, ...time, minutes, percent, coverage_percent });
    }
    for (const name of ["lowest", "highest"] as const) {
      const extreme = glucose[name];
      if (extreme) {
        const { observed_at, out_of_range } = extreme;
        const value = extreme.value.toFixed(digitsOf(unit));
        rows.push({ what: name, start: observed_at, value, unit, out_of_range });
      }
    }
    rows.push(...glucose.hours.map((hour) => ({ what: "hour", name: hour.hour, ...hour })));
  }
  return [
    ...rows,
    ...one.nights.map((night) => ({ what: "night", ...night })),
    ...one.episodes.flatMap(({ opened_at, ended_at, alert_type, witnesses, ...episode }) => [
      { what: "episode", name: alert_type, start: opened_at, end: ended_at, ...episode },
      ...(witnesses.length > 1 ? witnesses : []).map(({ source, observed_at }) => ({
        what: "witness",
        name: source,
        start: observed_at,
      })),
    ]),
  ];
}

/** A cell; what somebody has written is never a formula, nor two cells where a semicolon parts them. */
function quoted(cell: Cell): string {
  if (typeof cell !== "string") {
    return String(cell ?? "");
  }
  const text = /^(\s*[=+\-@]|[\t\r])/.test(cell) ? `'${cell}` : cell;
  return /[",;\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}
