import { html, LitElement, nothing, type TemplateResult } from "lit";
import { state } from "lit/decorators/state.js";

import { RECENT_DAYS } from "../const";
import type { EntityState, Hass } from "../home-assistant";
import { loadTexts } from "../localize";
import { severityIcon } from "../severity";
import { getAlerts } from "./alerts";
import type { TimelineConfig } from "./config";
import { styles } from "./styles";
import { timelineOf, type Timeline, type TimelineDay, type TimelineLine } from "./timeline";

/** One piece of news changes several entities; they are up before all of a source is. */
const SETTLED_MS = 500;
const ASK_AGAIN_MS = 30_000;

/**
 * A person's alerts of the last days by the time they were observed. Home Assistant's own cards know only when they
 * arrived, which may be hours later and in another order.
 */
export class CareAlertsTimeline extends LitElement {
  static override styles = styles;

  @state() private shown: (Timeline & { title: string }) | undefined;

  private config: TimelineConfig | undefined;
  /** What the watched entities were when last asked. */
  private asked: string | undefined;
  /** What is to be done later. */
  private timer: ReturnType<typeof setTimeout> | undefined;

  setConfig(config: Partial<TimelineConfig>): void {
    const { device_id, ...more } = config;
    if (!device_id) {
      throw new Error("device_id is missing");
    }
    this.config = { device_id, days: RECENT_DAYS, entities: [], ...more };
    this.asked = undefined;
  }

  getCardSize(): number {
    return 4;
  }

  getGridOptions(): { columns: number; min_columns: number } {
    return { columns: 12, min_columns: 6 };
  }

  set hass(hass: Hass) {
    if (!this.config) {
      return;
    }
    const watched = this.config.entities.map((id) => hass.states[id]);
    if (watched.length && !watched.some(runs)) {
      return;
    }
    const { config } = this;
    // The date is part of it: days go by also when nothing happens.
    const asked = [
      new Date().toDateString(),
      hass.locale.language,
      glucoseUnit(hass, config),
      ...watched.map((entity) => entity?.last_updated),
    ].join();
    if (asked !== this.asked) {
      this.asked = asked;
      this.later(this.shown ? SETTLED_MS : 0, () => void this.ask(hass, config, asked));
    }
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearTimeout(this.timer);
    this.asked = undefined;
  }

  /** Do something in place of what was to be done later until now. */
  private later(milliseconds: number, what: () => void): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(what, milliseconds);
  }

  private async ask(hass: Hass, config: TimelineConfig, asked: string): Promise<void> {
    const texts = await loadTexts(hass);
    const { localize } = texts;
    const { device_id, days } = config;
    let timeline: Timeline;
    try {
      const answer = await getAlerts(hass, device_id, days, new Date());
      timeline = timelineOf(hass, texts, answer, glucoseUnit(hass, config));
    } catch (error) {
      const reason = reasonOf(error);
      timeline = { days: [], notes: [localize("timeline_failed", { reason })] };
      if (asked === this.asked) {
        this.later(ASK_AGAIN_MS, () => (this.asked = undefined));
      }
    }
    // Unless something newer is on its way.
    if (asked === this.asked) {
      this.shown = { title: localize("timeline", { days }), ...timeline };
    }
  }

  protected override render(): TemplateResult | typeof nothing {
    if (!this.shown) {
      return nothing;
    }
    const { title, days, notes } = this.shown;
    const remarks = notes.map((note) => html`<p>${note}</p>`);
    return html`<ha-card><div><h2>${title}</h2>${days.map(renderDay)}${remarks}</div></ha-card>`;
  }
}

const renderDay = ({ name, lines }: TimelineDay): TemplateResult =>
  html`<h3>${name}</h3>${lines.map(renderLine)}`;

function renderLine({ time, severity, what, notes }: TimelineLine): TemplateResult {
  const icon = html`<ha-icon class=${severity} icon=${severityIcon(severity)}></ha-icon>`;
  const remarks = notes.length ? html`<small>${notes.join(" ")}</small>` : nothing;
  return html`<article><time>${time}</time>${icon}<span>${what}${remarks}</span></article>`;
}

/** Whether the source of an entity runs: one that does not, or not yet, can tell nothing, and what is shown stays. */
const runs = (entity: EntityState | undefined): boolean =>
  entity !== undefined && !entity.attributes.restored;

/** The unit of the person's glucose sensor. */
function glucoseUnit(hass: Hass, { glucose }: TimelineConfig): string | undefined {
  const unit = glucose && hass.states[glucose]?.attributes.unit_of_measurement;
  return typeof unit === "string" ? unit : undefined;
}

/** Why Home Assistant refused. */
function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string | number };
  return message ?? String(code);
}
