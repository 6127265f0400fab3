// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Hass } from "../../src/home-assistant";
import { CareAlertsReport } from "../../src/report/care-alerts-report";
import { csvOf } from "../../src/report/csv";
import type {
  EpisodeReport,
  GlucoseReport,
  GlucoseTime,
  Outcome,
  PersonReport,
  Report,
} from "../../src/report/model";
import { eventOf, FakeConnection, person } from "../connection";
import { device, home, LOCALE } from "../home";

customElements.define("care-alerts-report", CareAlertsReport);

const time = (more: Partial<GlucoseTime> = {}): GlucoseTime => ({
  minutes: 600,
  covered_minutes: 540,
  coverage_percent: 90,
  minutes_below: 27,
  percent_below: 5,
  minutes_above: 54,
  percent_above: 10,
  ...more,
});

const glucose = (more: Partial<GlucoseReport> = {}): GlucoseReport => ({
  ...time(),
  unit: "mmol/L",
  readings: 108,
  bands: {
    very_low: { minutes: 5, percent: 0.9 },
    low: { minutes: 22, percent: 4.1 },
    in_range: { minutes: 459, percent: 85 },
    high: { minutes: 54, percent: 10 },
    very_high: { minutes: 0, percent: 0 },
  },
  lowest: { value: 2.9, out_of_range: null, observed_at: "2026-11-29T02:05:00Z" },
  highest: { value: 22.2, out_of_range: "high", observed_at: "2026-11-28T23:05:00Z" },
  counts_as_below: [{ rule: "own", value: 3.9, since: "2026-11-01T00:00:00Z" }],
  counts_as_above: [{ rule: "consensus", value: 10, since: null }],
  hours: [{ hour: 23, days_below: 2, ...time() }],
  ...more,
});

const episode = (outcome: Outcome, more: Partial<EpisodeReport> = {}): EpisodeReport => ({
  alert_type: "urgent_low",
  severity: "high",
  opened_at: "2026-11-29T02:00:00Z",
  ended_at: "2026-11-29T02:40:00Z",
  end_reason: "source",
  told_at: "2026-11-29T02:01:00Z",
  answered_by: null,
  answered_at: null,
  answered_after_seconds: null,
  outcome,
  witnesses: [
    {
      source: "tidepool",
      observed_at: "2026-11-29T02:00:00Z",
      received_at: "2026-11-29T02:01:00Z",
    },
  ],
  ...more,
});

const of = (more: Partial<PersonReport> = {}): PersonReport => ({
  person: "Anna",
  source: "Tidepool",
  data_through: "2026-11-29T11:55:00Z",
  glucose: glucose(),
  alerts: 3,
  alerts_per_night: 1.5,
  whole_nights: 2,
  outcomes: { answered: 2, unanswered: 1, open: 0, over_before_told: 0, not_told: 0 },
  unanswered_percent: 33.3,
  coverage_percent: 90,
  episodes: [episode("answered", { answered_by: "Ben", answered_after_seconds: 240 })],
  nights: [
    {
      start: "2026-11-28T21:00:00Z",
      end: "2026-11-29T07:00:00Z",
      is_whole: true,
      alerts: 2,
      ...time(),
    },
  ],
  ...more,
});

const report = (one: PersonReport, more: Partial<Report> = {}): Report => ({
  start: "2026-11-28T21:00:00+00:00",
  end: "2026-11-29T07:00:00+00:00",
  alerts_kept_from: null,
  readings_kept_from: null,
  people: [one],
  ...more,
});

let card: CareAlertsReport;
let connection: FakeConnection;
let asked: Record<string, unknown>[];
let answer: () => Promise<unknown>;

const shown = (): string => (card.shadowRoot?.textContent ?? "").replace(/\s+/g, " ").trim();
const button = (name: string): HTMLElement => {
  const all = [...(card.shadowRoot?.querySelectorAll("button") ?? [])];
  const found = all.find((one) => one.textContent.trim() === name);
  if (!found) {
    throw new Error(`no button ${name}`);
  }
  return found;
};

async function passes(milliseconds = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds);
  await card.updateComplete;
}

async function show(one: PersonReport, more: Partial<Report> = {}): Promise<string> {
  answer = () => Promise.resolve({ response: report(one, more) });
  await passes(300_000);
  return shown();
}

const callWS = ((message: Record<string, unknown>) => {
  asked.push(message);
  return answer();
}) as Hass["callWS"];

beforeEach(async () => {
  vi.useFakeTimers({ now: new Date("2026-11-29T12:00:00Z") });
  connection = new FakeConnection();
  asked = [];
  answer = () => Promise.resolve({ response: report(of()) });
  card = new CareAlertsReport();
  card.setConfig({ device_id: "anna" });
  document.body.append(card);
  card.hass = { ...home(), connection, callWS };
  await passes();
  connection.of("anna").send(eventOf(person("anna", { name: "Anna" })));
  await passes();
});

afterEach(() => {
  card.remove();
  vi.useRealTimers();
});

test("it needs somebody", () => {
  expect(() => {
    card.setConfig({});
  }).toThrow("device_id is missing");
});

test("the last night comes first, and each percentage has how much data cover beside it", () => {
  expect(asked).toMatchObject([
    {
      type: "call_service",
      domain: "care_alerts",
      service: "get_report",
      service_data: {},
      target: { device_id: "anna" },
      return_response: true,
    },
  ]);
  expect(shown()).toContain("Report: Anna");
  expect(shown()).toContain("Data cover 90% of the time: 9 h 0 min of 10 h 0 min.");
  expect(shown()).toContain("Lowest: 2.9 mmol/L, 29 November 2026");
  expect(shown()).toContain("Highest: HIGH, 29 November 2026");
  expect(shown()).toContain("Below: 3.9 mmol/L or less, the alert threshold then.");
  expect(shown()).toContain("Above: more than 10.0 mmol/L (consensus, no threshold was set).");
  expect(shown()).toContain("Alerts a night: 1.5 (mean; whole nights: 2).");
  expect(shown()).toContain("Nobody had it before it was over: 1 of 3 (33.3%). Data cover 90%");
  expect(shown()).toContain("Ben had it after 4 min.");
  for (const row of card.shadowRoot?.querySelectorAll("tbody tr") ?? []) {
    if (row.textContent.includes("%")) {
      expect(row.lastElementChild?.textContent.trim()).toBe("90%");
    }
  }
  const bands = [...(card.shadowRoot?.querySelectorAll("table")[0]?.rows ?? [])];
  expect(bands.map((row) => row.cells[0]?.textContent.trim())).toEqual([
    "Glucose",
    "> 13.9 mmol/L",
    "10.1–13.9 mmol/L",
    "3.9–10.0 mmol/L",
    "3.0–3.8 mmol/L",
    "< 3.0 mmol/L",
  ]);
});

test("two weeks are asked for at a touch, and again after five minutes", async () => {
  button("14 days").click();
  await passes();
  expect(asked[1]?.service_data).toEqual({ start: "2026-11-15T12:01:00.000Z" });
  await passes(299_000);
  expect(asked).toHaveLength(2);
  await passes(15_000);
  expect(asked).toHaveLength(3);
});

test("an older answer does not come after a newer one", async () => {
  let late: ((value: unknown) => void) | undefined;
  answer = () => new Promise((resolve) => (late = resolve));
  button("14 days").click();
  await passes();
  answer = () => Promise.resolve({ response: report(of({ whole_nights: 14 })) });
  button("Last night").click();
  await passes();
  late?.({ response: report(of({ whole_nights: 13 })) });
  await passes();
  expect(shown()).toContain("whole nights: 14");
});

test("that it failed is said, and it is asked for again", async () => {
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as the library does
  answer = () => Promise.reject({ code: "x", message: "It does not run" });
  button("14 days").click();
  await passes();
  expect(shown()).toContain("This cannot be shown: It does not run");
  expect(await show(of())).not.toContain("This cannot be shown");
});

test("where nothing is known, there is no number", async () => {
  const nothing = { coverage_percent: 0, percent_below: null, percent_above: null };
  const text = await show(
    of({
      glucose: glucose({ ...time(nothing), lowest: null, highest: null, hours: [] }),
      data_through: null,
      alerts_per_night: null,
      unanswered_percent: null,
      outcomes: { answered: 0, unanswered: 0, open: 0, over_before_told: 0, not_told: 0 },
      episodes: [],
    }),
    { readings_kept_from: "2026-11-15T12:00:00Z" },
  );
  expect(text).toContain("No data have come yet.");
  expect(text).toContain("Kept from 15 November 2026");
  expect(text).not.toContain("there was none below");
  expect(text).toContain("None is known.");
  expect(text).not.toMatch(/Lowest|Highest:|Alerts a night|Nobody had it before/);
});

test("a night that no data cover has no minutes", async () => {
  const night = { start: "2026-11-28T21:00:00Z", end: "2026-11-29T07:00:00Z", is_whole: true };
  const nothing = { coverage_percent: 0, minutes_below: 0, minutes_above: 0 };
  const unknown = { ...time(nothing), percent_below: null, percent_above: null };
  const text = await show(of({ nights: [{ ...night, alerts: 0, ...unknown }] }));
  expect(text).toContain("Sun 29 Nov 0––0%");
});

test("where there are data, it is said that none was below", async () => {
  const text = await show(of({ glucose: glucose({ ...time(), hours: [] }) }));
  expect(text).toContain("In what data cover, there was none below.");
});

test("of whom there is no glucose there is nothing of it", async () => {
  const night = { start: "2026-11-28T21:00:00Z", end: "2026-11-29T07:00:00Z", alerts: 1 };
  const text = await show(
    of({ glucose: null, nights: [{ ...night, alerts: null, is_whole: false }] }),
  );
  expect(text).not.toContain("Glucose");
  expect(text).toContain("(in part) – ");
});

test("what became of each episode is said", async () => {
  const late = { answered_after_seconds: 3600 };
  const text = await show(
    of({
      episodes: [
        episode("unanswered", late),
        episode("open", { ended_at: null, end_reason: null }),
        episode("over_before_told", late),
        episode("over_before_told"),
        episode("not_told"),
        episode("unanswered", { alert_type: "new_kind", severity: "low" }),
      ],
    }),
  );
  expect(text).toContain("Nobody had it before it was over. Somebody had it after 1 h 0 min.");
  expect(text).toContain("Nobody has it yet.");
  expect(text).toContain("It was over when it arrived. Somebody had it after 1 h 0 min.");
  expect(text).toContain("From before this person was followed.");
  expect(text).toContain("new_kind");
});

test("of what nothing more was heard there is no length, and no word that it was over", async () => {
  const late = { answered_after_seconds: 3600 };
  const lost = { end_reason: "expired", ended_at: "2026-11-29T04:00:00Z" } as const;
  const text = await show(
    of({
      episodes: [
        episode("unanswered", { ...lost, ...late }),
        episode("over_before_told", lost),
        episode("answered", { ...lost, answered_by: "Ben", ...late }),
      ],
    }),
  );
  expect(text.match(/Nothing more was heard of it by 05:00\./g)).toHaveLength(3);
  expect(text).toContain("Nobody had it: 1 of 3 (33.3%).");
  expect(text).toContain("Nobody had it by then. Somebody had it after 1 h 0 min.");
  expect(text).toContain("It arrived only after that.");
  expect(text).not.toMatch(/lasted|before it was over|It was over/);
});

test.each([
  ["source", "unanswered"],
  ["newer_day", "unanswered"],
  ["expired", "answered"],
] as const)("an end by %s of what was %s is no guess", async (end_reason, outcome) => {
  const text = await show(
    of({ episodes: [episode("unanswered"), episode(outcome, { end_reason })] }),
  );
  expect(text).toContain("Nobody had it before it was over: 1 of 3");
  expect(text).toContain("lasted 40 min");
});

test("times are by the home's clock, as its nights and hours are, and it is said where the browser's is another", async () => {
  const [night] = of().nights;
  if (!night) {
    throw new Error("no night");
  }
  const config = { time_zone: "Pacific/Auckland" };
  const one = of({ nights: [{ ...night, end: "2026-11-30T19:00:00Z" }] });
  card.hass = {
    ...home({ locale: { ...LOCALE, time_zone: "local" } }),
    config,
    connection,
    callWS,
  };
  // By the browser's clock it is still Monday, 30 November.
  const text = await show(one);
  expect(text).toContain("Tue 1 Dec");
  expect(text).not.toContain("Mon 30 Nov");
  expect(text).toContain("Sun 29 Nov, 15:00");
  expect(text).toContain("Times are those of Pacific/Auckland.");
  card.hass = { ...home(), config: { time_zone: "UTC" }, connection, callWS };
  await passes();
  expect(shown()).not.toContain("Times are those of");
});

const witness = (source: string, observed_at: string): EpisodeReport["witnesses"][number] => ({
  source,
  observed_at,
  received_at: "2026-11-29T05:10:00Z",
});

const SEEN_BY_TWO = [
  witness("dexcom", "2026-11-28T22:40:00Z"),
  witness("tidepool", "2026-11-29T02:00:00Z"),
];

test("what other sources have seen of it, too, stands beside it", async () => {
  const same_as = ["anna", "other"];
  const one = device("anna", "Anna", { manufacturer: "Tidepool", via_device_id: "tidepool" });
  const other = device("other", "Anna", { manufacturer: "Dexcom", via_device_id: "dexcom" });
  card.hass = { ...home({ devices: [one, other] }), connection, callWS };
  connection.of("anna").send(eventOf(person("anna", { same_as })));
  await passes();
  const named = { source: "dexcom", source_name: "Dexcom cloud Anna", is_delayed: true };
  connection.of("other").send(eventOf(person("other", { ...named, same_as })));
  const seen = of({ episodes: [episode("open", { witnesses: SEEN_BY_TWO })] });
  // Each source as the user calls it; beside an alert, as beside all alerts.
  expect(await show(seen)).toContain("Tidepool, Dexcom cloud Anna. The data reach");
  const also = [...(card.shadowRoot?.querySelectorAll(".also") ?? [])];
  expect(also.map(({ textContent }) => textContent)).toEqual([
    "Also recorded by Dexcom at Sat 23:40.",
  ]);
  // The word of one needs no other.
  expect(await show(of({ episodes: [episode("open")] }))).not.toContain("Also recorded");
});

test("what a source is called that this user hears nothing of, is how the report has it", async () => {
  const seen = of({ episodes: [episode("open", { witnesses: SEEN_BY_TWO })] });
  expect(await show(seen)).toContain("Also recorded by dexcom at");
});

test("in a spreadsheet each source that has an episode has its line below it", () => {
  const seen = of({ episodes: [episode("open", { witnesses: SEEN_BY_TWO }), episode("open")] });
  const lines = csvOf(report(seen), seen).split("\r\n");
  const from = lines.findIndex((line) => line.startsWith("episode,"));
  expect(lines.slice(from).map((line) => line.split(",").slice(0, 3))).toEqual([
    ["episode", "urgent_low", "2026-11-29T02:00:00Z"],
    ["witness", "dexcom", "2026-11-28T22:40:00Z"],
    ["witness", "tidepool", "2026-11-29T02:00:00Z"],
    ["episode", "urgent_low", "2026-11-29T02:00:00Z"],
    [""],
  ]);
});

test("who may not see somebody has no card of them", async () => {
  connection.refusals.push({ code: "unauthorized" });
  const other = new CareAlertsReport();
  other.setConfig({ device_id: "maria" });
  document.body.append(other);
  other.hass = { ...home(), connection };
  await vi.advanceTimersByTimeAsync(0);
  await other.updateComplete;
  expect(other.hidden).toBe(true);
  other.remove();
});

test("on paper there is a copy of it, for as long as the browser prints", () => {
  const copies = (): NodeListOf<Element> => document.querySelectorAll("care-alerts-print");
  dispatchEvent(new Event("beforeprint"));
  expect(copies()).toHaveLength(1);
  expect(copies()[0]?.shadowRoot?.textContent).toContain("Report: Anna");
  dispatchEvent(new Event("afterprint"));
  expect(copies()).toHaveLength(0);
  // A button prints its own card alone.
  const other = new CareAlertsReport();
  document.body.append(other);
  const print = vi.fn(() => {
    dispatchEvent(new Event("beforeprint"));
    expect(copies()).toHaveLength(1);
    dispatchEvent(new Event("afterprint"));
  });
  vi.stubGlobal("print", print);
  button("Print").click();
  expect(print).toHaveBeenCalledOnce();
  dispatchEvent(new Event("beforeprint"));
  expect(copies()).toHaveLength(2);
  other.remove();
  card.remove();
  expect(copies()).toHaveLength(0);
  dispatchEvent(new Event("beforeprint"));
  expect(copies()).toHaveLength(0);
  vi.unstubAllGlobals();
});

test("a table for a spreadsheet: what somebody wrote is neither a formula nor a cell of its own", () => {
  const one = of({
    person: '=cmd("x"),\nAnna',
    episodes: [episode("answered", { answered_by: "@Ben" })],
  });
  const csv = csvOf(report(one), one);
  const [columns, first] = csv.split("\r\n");
  expect(columns).toMatch(/^what,name,start,end,.*coverage_percent/);
  expect(first).toContain(`report,"'=cmd(""x""),\nAnna",2026-11-28T21:00:00+00:00`);
  expect(csv).toContain("'@Ben");
  expect(csv).toContain("hour,23,");
  expect(csv).toContain("lowest,,2026-11-29T02:05:00Z,,,,,,,,,,2.9,mmol/L,,,,,,\r\n");
  expect(csv).toContain("highest,,2026-11-28T23:05:00Z,,,,,,,,,,22.2,mmol/L,,,,,,high\r\n");
  expect(csv).toContain("answered,'@Ben,,high,source,\r\n");
  const without = of({ glucose: null });
  expect(csvOf(report(without), without)).not.toContain("glucose");
});

test.each([
  ["A;=1+1", '"A;=1+1"'],
  [" =1+1", "' =1+1"],
  ["A. = B", "A. = B"],
])("what is written as %j is one cell, and no formula", (person, cell) => {
  const one = of({ person });
  expect(csvOf(report(one), one)).toContain(`report,${cell},2026`);
});

test.each([
  ["mg/dL", 70.01, "70"],
  ["mmol/L", 3.8855, "3.9"],
] as const)("in %s a value has as many digits as it is measured with", (unit, value, text) => {
  const highest = { value, out_of_range: null, observed_at: "2026-11-29T02:05:00Z" };
  const one = of({ glucose: glucose({ unit, highest }) });
  expect(csvOf(report(one), one)).toMatch(new RegExp(`^highest,.*,${text},${unit},`, "m"));
});

test("it is saved under the person's name", async () => {
  const click = vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(() => undefined);
  const start = "2026-11-28T23:00:00+00:00";
  answer = () => Promise.resolve({ response: report(of(), { start }) });
  await passes(300_000);
  button("Download CSV").click();
  const [link] = click.mock.contexts as HTMLAnchorElement[];
  // By the home's clock it has begun at midnight.
  expect(link?.download).toBe("Anna 2026-11-29 2026-11-29.csv");
  click.mockRestore();
});
