import { css, html, nothing, unsafeCSS, type TemplateResult } from "lit";
import { state } from "lit/decorators/state.js";
import uPlotStyle from "uplot/dist/uPlot.min.css";

import { CareCard } from "../cards/care-card";
import { deviceForm, type ConfigForm } from "../cards/editor";
import { isNow, isTroubled } from "../cards/people";
import { styles } from "../cards/styles";
import { problemText } from "../cards/trouble";
import { formatGlucose, glucoseText, timeAndAge, type Wording } from "../cards/wording";
import type { PersonData } from "../data/feed";
import type { Person, Reading, Threshold } from "../data/model";
import type { Hass } from "../home-assistant";
import { RegistryView } from "../registry-view";
import {
  arrivalsOf,
  axisOf,
  bandOf,
  curveOf,
  inUnit,
  marksOf,
  readingsIn,
  rowsOf,
  stepsOf,
  type Curve,
} from "./chart";
import type { Drawing, Plot } from "./plot";

export interface GlucoseConfig {
  /** A person's. */
  device_id: string;
  /** What is shown first; a form gives it as text. */
  hours?: number | string;
  /** An axis closer to the values, in place of all that a sensor can tell. */
  close?: boolean;
}

const DAY_HOURS = 24;
const ALL_HOURS = 336;
const CHOICES = [3, 12, DAY_HOURS, ALL_HOURS] as const;
/** Ours: no older than an age is said to be. */
const LOOK_MS = 15_000;
/** Ours: a night. */
const FIRST_HOURS = 12;
const KINDS: Threshold["kind"][] = ["urgent_low", "low", "high"];

/** How many seconds have one row in the table: each reading of a few hours, else an hour, else a day. */
const rowSeconds = (hours: number): number =>
  hours < DAY_HOURS ? 0 : hours === DAY_HOURS ? 3600 : 86_400;

/** What is shown, worked out once for all drawings until something changes: a cursor moves many times a second. */
interface Look {
  /** What it was worked out of. */
  of: readonly unknown[];
  shown: Reading[];
  curve: Curve;
  summary: string;
}

/** Somebody's glucose by the time it was measured, which may be hours before it arrived. */
export class CareAlertsGlucose extends CareCard {
  protected override readonly isOfOne = false;

  static override styles = [
    styles,
    unsafeCSS(uPlotStyle),
    css`
      .choices {
        display: flex;
        flex-wrap: wrap;
        gap: 6px;
      }
      .choices button {
        flex: 1 1 60px;
        min-height: 44px;
        padding: 4px 8px;
      }
      .plot {
        min-height: 240px;
        overflow: hidden;
        touch-action: pan-y;
      }
      table {
        width: 100%;
        border-collapse: collapse;
        font-variant-numeric: tabular-nums;
      }
      th,
      td {
        padding: 2px 4px;
        text-align: start;
        font-weight: inherit;
      }
      .pointed {
        min-height: 1.4em;
      }
      .scrolls {
        max-height: 320px;
        overflow: auto;
      }
    `,
  ];

  @state() private chosen: number | undefined;
  @state() private pointed: number | null = null;
  @state() private isTabled = false;
  private config: GlucoseConfig = { device_id: "" };
  /** What draws, once it is there; a browser in which it fails to start has the words and the table. */
  @state() private drawer: typeof Plot | undefined;
  private plot: Plot | undefined;
  /** What the plot was made for: another unit, zone or language takes another one. */
  private plotted = "";
  private drawn: { data: PersonData; hours: number; to: number; themes: unknown } | undefined;
  private looked: Look | undefined;

  setConfig(config: Partial<GlucoseConfig>): void {
    const { device_id, ...more } = config;
    if (!device_id) {
      throw new Error("device_id is missing");
    }
    this.config = { device_id, ...more };
    this.drawn = undefined;
    this.watch();
    this.requestUpdate();
  }

  static getStubConfig(hass: Hass): GlucoseConfig {
    const registry = new RegistryView(hass);
    const worn = registry.people.find(({ id }) => registry.entityId(id, "sensor", "glucose"));
    return { device_id: (worn ?? registry.people[0])?.id ?? "" };
  }

  static getConfigForm(): ConfigForm {
    return deviceForm(
      "device_id",
      {
        name: "hours",
        selector: {
          select: {
            mode: "dropdown",
            options: CHOICES.map((hours) => ({ value: String(hours), label: `${hours} h` })),
          },
        },
      },
      { name: "close", selector: { boolean: {} } },
    );
  }

  /** How long the last drawing took, in milliseconds; it is measured. */
  get drawnIn(): number {
    return this.plot?.drawnIn ?? 0;
  }

  override getGridOptions(): Record<string, number | string> {
    return { columns: 12, min_columns: 6, rows: "auto" };
  }

  protected override peopleIds(): string[] {
    return [this.config.device_id];
  }

  private get span(): number {
    return this.chosen ?? (Number(this.config.hours) || FIRST_HOURS);
  }

  /** A day is always there: to look at less or more of it asks nothing. */
  protected override hours(): number {
    return Math.max(DAY_HOURS, this.span);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    import("./plot").then(
      ({ Plot: drawer }) => (this.drawer = drawer),
      (error: unknown) => {
        console.error("The curve cannot be drawn:", error);
      },
    );
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.dropPlot();
  }

  protected override render(): TemplateResult | typeof nothing {
    const { wording, people } = this;
    const [one] = people;
    if (!wording || !one) {
      return nothing;
    }
    const { localize } = wording;
    const { data, problem } = one.state;
    const trouble = problem
      ? html`<p class="trouble">${problemText(wording, problem)}</p>`
      : nothing;
    if (!data) {
      return html`<ha-card><section>${problem ? trouble : localize("asking")}</section></ha-card>`;
    }
    const { summary } = this.look(wording, data);
    return html`<ha-card>
      <section aria-label=${localize("glucose_of", { name: data.person.name })}>
        ${data.person.same_as.length ? html`<h2>${data.person.source_name}</h2>` : nothing}
        <div class="choices" role="group" aria-label=${localize("time_shown")}>
          ${CHOICES.map(
            (hours) =>
              html`<button
                type="button"
                aria-pressed=${hours === this.span ? "true" : "false"}
                @click=${() => {
                  this.choose(hours);
                }}
              >
                ${hours === ALL_HOURS ? localize("choice_days", { days: hours / DAY_HOURS }) : localize("choice_hours", { hours })}
              </button>`,
          )}
        </div>
        ${trouble}
        <div
          class="plot"
          tabindex="0"
          role="group"
          aria-label=${summary}
          @keydown=${this.onKey}
        ></div>
        <p class="aside pointed" aria-live="polite">
          ${this.pointedText(wording, data.person)}
        </p>
        <p class="aside">${summary}</p>
        <details @toggle=${(event: Event) => (this.isTabled = (event.target as HTMLDetailsElement).open)}>
          <summary>${localize("as_table")}</summary>
          ${this.isTabled ? this.table(wording, data.person) : nothing}
        </details>
        <p class="aside">
          ${localize("curve_signs")}
          ${wording.clock.namedZone ? localize("zone", { zone: wording.clock.namedZone }) : nothing}
        </p>
      </section>
    </ha-card>`;
  }

  override updated(): void {
    super.updated();
    const { wording, people } = this;
    const data = people[0]?.state.data;
    const host = this.renderRoot.querySelector<HTMLElement>(".plot");
    if (!wording || !data || !host || !this.drawer) {
      this.dropPlot();
      return;
    }
    this.draw(this.drawer, wording, data, host);
  }

  private draw(Drawer: typeof Plot, wording: Wording, data: PersonData, host: HTMLElement): void {
    const { clock, language, now } = wording;
    const hours = this.span;
    const { themes } = this.home ?? {};
    const to = now.getTime() / 1000;
    const pixel = (hours * 3600) / Math.max(1, host.clientWidth);
    const { drawn } = this;
    if (
      this.plot &&
      drawn?.data === data &&
      drawn.hours === hours &&
      drawn.themes === themes &&
      to - drawn.to < pixel
    ) {
      return;
    }
    this.drawn = { data, hours, to, themes };
    const drawing = this.drawing(wording, data);
    const plotted = JSON.stringify([drawing.unit, clock.zone, language, hours]);
    if (this.plot && this.plotted === plotted) {
      this.plot.show(drawing);
      return;
    }
    this.dropPlot();
    this.plotted = plotted;
    this.plot = new Drawer(host, drawing, clock, language, (index) => {
      this.pointed = index;
    });
  }

  private dropPlot(): void {
    this.plot?.destroy();
    this.plot = undefined;
    this.drawn = undefined;
  }

  private windowAt(now: Date): { from: number; to: number } {
    const to = now.getTime() / 1000;
    return { from: to - this.span * 3600, to };
  }

  private drawing(wording: Wording, data: PersonData): Drawing {
    const { person, episodes, readings } = data;
    const { unit, thresholds } = person;
    const window = this.windowAt(wording.now);
    const { curve } = this.look(wording, data);
    const lines = this.thresholds(wording, person);
    const values = [...curve.ys, ...lines.flatMap(({ steps }) => steps.map(({ value }) => value))];
    return {
      window,
      unit,
      axis: axisOf(unit, this.config.close ?? false, values),
      curve,
      band: bandOf(thresholds, window),
      thresholds: lines,
      marks: marksOf(episodes, window),
      arrivals: arrivalsOf(readings, window),
    };
  }

  /** The lines that are drawn, each with its name and what it is by now. */
  private thresholds(
    { stateName, language, now }: Wording,
    { thresholds, unit }: Person,
  ): Drawing["thresholds"] {
    return KINDS.map((kind) => {
      const steps = stepsOf(thresholds, kind, this.windowAt(now));
      const last = steps[steps.length - 1];
      const value = last ? formatGlucose(language, last.value, unit) : "";
      return { kind, steps, label: `${stateName("sensor.last_alert", kind)} ${value}` };
    });
  }

  private choose(hours: number): void {
    this.chosen = hours;
    this.pointed = null;
    this.watch();
  }

  /** Go through the readings with the arrow keys, as with a mouse. */
  private readonly onKey = (event: KeyboardEvent): void => {
    const { xs, ys } = this.looked?.curve ?? { xs: [], ys: [] };
    const last = xs.length - 1;
    const from = this.pointed ?? last + 1;
    const steps: Record<string, [number, number]> = {
      ArrowLeft: [from - 1, -1],
      ArrowRight: [from + 1, 1],
      PageUp: [from - 12, -1],
      PageDown: [from + 12, 1],
      Home: [0, 1],
      End: [last, -1],
    };
    const step = steps[event.key];
    if (!step || last < 0) {
      return;
    }
    event.preventDefault();
    let index = Math.min(last, Math.max(0, step[0]));
    // In the middle of a gap there is none.
    if (ys[index] === null) {
      index += step[1];
    }
    this.plot?.point(index);
    this.pointed = index;
  };

  private readingAt(index: number): Reading | undefined {
    const { curve, shown } = this.looked ?? {};
    const moment = curve?.xs[index];
    return shown?.find(([observed]) => observed === moment);
  }

  private value({ localize, language }: Wording, { unit }: Person, reading: Reading): string {
    const [, , mgDl, outOfRange] = reading;
    return outOfRange === "low"
      ? localize("glucose_low")
      : outOfRange === "high"
        ? localize("glucose_high")
        : formatGlucose(language, inUnit(mgDl, unit), unit);
  }

  private pointedText(wording: Wording, person: Person): string {
    const reading = this.pointed === null ? undefined : this.readingAt(this.pointed);
    if (!reading) {
      return "";
    }
    const { localize, clock, now } = wording;
    const [observed, received] = reading;
    const time = clock.timeBeside(new Date(observed * 1000), now);
    const value = this.value(wording, person, reading);
    return received === null
      ? localize("reading", { time, value })
      : localize("reading_arrived", {
          time,
          value,
          arrived: clock.timeBeside(new Date(received * 1000), now),
        });
  }

  private look(wording: Wording, data: PersonData): Look {
    const { now, localize, clock } = wording;
    const of = [data, this.span, localize, clock, Math.floor(now.getTime() / LOOK_MS)];
    const { looked } = this;
    if (looked?.of.every((value, index) => value === of[index])) {
      return looked;
    }
    const shown = readingsIn(data.readings, this.windowAt(now));
    const curve = curveOf(shown, data.person.unit);
    const look = { of, shown, curve, summary: this.summary(wording, data, shown, curve) };
    this.looked = look;
    return look;
  }

  /** The curve in words: the last value, the range, the gaps. */
  private summary(
    wording: Wording,
    { person, episodes }: PersonData,
    shown: readonly Reading[],
    { gaps }: Curve,
  ): string {
    const { localize, now } = wording;
    const { glucose, unit } = person;
    const parts: string[] = [];
    if (glucose) {
      const value = glucoseText(wording, glucose, unit);
      const when = timeAndAge(wording, glucose.observed_at);
      parts.push(
        isNow(glucose, now) && !isTroubled(person)
          ? localize("curve_last", { value, ...when })
          : localize("curve_last_known", { value, ...when }),
      );
    }
    const [all] = rowsOf(shown, Number.MAX_SAFE_INTEGER);
    if (all) {
      parts.push(
        localize("curve_range", {
          hours: this.span,
          lowest: this.value(wording, person, all.lowest),
          highest: this.value(wording, person, all.highest),
        }),
      );
      if (gaps) {
        parts.push(localize("curve_gaps", { gaps }));
      }
    } else {
      parts.push(localize("curve_empty", { hours: this.span }));
    }
    const lines = this.thresholds(wording, person).filter(({ steps }) => steps.length);
    if (lines.length) {
      const thresholds = lines.map(({ label }) => label).join(", ");
      parts.push(localize("curve_thresholds", { thresholds }));
    }
    const alerts = marksOf(episodes, this.windowAt(now)).filter(({ kind }) => kind === "alert");
    if (alerts.length) {
      parts.push(localize("curve_alerts", { count: alerts.length }));
    }
    return parts.join(" ");
  }

  private table(wording: Wording, person: Person): TemplateResult {
    const { localize, clock, now } = wording;
    const rows = rowsOf(this.looked?.shown ?? [], rowSeconds(this.span));
    return html`<div class="scrolls" tabindex="0" role="region" aria-label=${localize("as_table")}>
      <table>
        <thead>
          <tr>
            <th scope="col">${localize("table_time")}</th>
            <th scope="col">${localize("table_lowest")}</th>
            <th scope="col">${localize("table_highest")}</th>
          </tr>
        </thead>
        <tbody>
          ${rows.map(
            ({ at, lowest, highest }) =>
              html`<tr>
                <td>${clock.timeBeside(new Date(at * 1000), now)}</td>
                <td>${this.value(wording, person, lowest)}</td>
                <td>${this.value(wording, person, highest)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </div>`;
  }
}
