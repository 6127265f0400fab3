import { html, nothing, type TemplateResult } from "lit";

import { CareCard } from "../cards/care-card";
import { deviceForm, type ConfigForm } from "../cards/editor";
import { problemText } from "../cards/trouble";
import { DAY_MS, RECENT_DAYS } from "../const";
import type { Hass } from "../home-assistant";
import { RegistryView } from "../registry-view";
import { severityIcon } from "../severity";
import { styles } from "./styles";
import { timelineOf, type TimelineDay, type TimelineLine } from "./timeline";

export interface TimelineConfig {
  /** A person's. */
  device_id: string;
  /** How far it reaches. */
  days?: number;
}

/** What the component keeps, and the most that it is asked for. */
const MOST_DAYS = 14;

/** A person's alerts of the last days by the time they were observed, which may be hours before they arrived. */
export class CareAlertsTimeline extends CareCard {
  static override styles = styles;

  private config: TimelineConfig = { device_id: "" };

  setConfig(config: Partial<TimelineConfig>): void {
    const { device_id, days } = config;
    if (!device_id) {
      throw new Error("device_id is missing");
    }
    this.config = { device_id, ...(days && { days }) };
    this.watch();
    this.requestUpdate();
  }

  static getStubConfig(hass: Hass): TimelineConfig {
    return { device_id: new RegistryView(hass).people[0]?.id ?? "" };
  }

  static getConfigForm(): ConfigForm {
    return deviceForm("device_id", {
      name: "days",
      selector: { number: { min: 1, max: MOST_DAYS, mode: "box" } },
    });
  }

  protected override peopleIds(): string[] {
    return [this.config.device_id];
  }

  private get days(): number {
    return Math.min(MOST_DAYS, Math.max(1, Number(this.config.days) || RECENT_DAYS));
  }

  protected override hours(): number {
    return this.days * 24;
  }

  protected override render(): TemplateResult | typeof nothing {
    const { wording, people, days } = this;
    const [one] = people;
    if (!wording || !one) {
      return nothing;
    }
    const { localize, clock, now } = wording;
    const { data, problem } = one.state;
    const since = new Date(now.getTime() - days * DAY_MS);
    const shown = data ? timelineOf(wording, data, since) : [];
    const notes = [
      problem && problemText(wording, problem),
      !data && !problem && localize("asking"),
      data && !shown.length && localize("timeline_empty"),
      clock.namedZone && localize("zone", { zone: clock.namedZone }),
    ];
    return html`<ha-card>
      <div>
        <h2>${localize("timeline", { days })}</h2>
        ${shown.map(renderDay)} ${notes.map((note) => (note ? html`<p>${note}</p>` : nothing))}
      </div>
    </ha-card>`;
  }
}

const renderDay = ({ name, lines }: TimelineDay): TemplateResult =>
  html`<h3>${name}</h3>
    ${lines.map(renderLine)}`;

function renderLine({ id, time, severity, what, notes }: TimelineLine): TemplateResult {
  const icon = html`<ha-icon class=${severity} icon=${severityIcon(severity)}></ha-icon>`;
  const remarks = notes.length ? html`<small>${notes.join(" ")}</small>` : nothing;
  return html`<article data-episode=${id}>
    <time>${time}</time>${icon}<span>${what}${remarks}</span>
  </article>`;
}
