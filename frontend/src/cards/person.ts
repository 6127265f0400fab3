import { html, nothing, type TemplateResult } from "lit";
import { repeat } from "lit/directives/repeat.js";

import type { Person } from "../data/model";
import type { Hass } from "../home-assistant";
import { RegistryView } from "../registry-view";
import { severityIcon } from "../severity";
import { CareCard } from "./care-card";
import { deviceForm, type ConfigForm } from "./editor";
import {
  answeredCases,
  freshness,
  isNow,
  isTroubled,
  isUnsure,
  needingCases,
  statusOf,
  worstFirst,
  type Watched,
} from "./people";
import { asEach } from "./same";
import { styles } from "./styles";
import { problemText, renderWayOut } from "./trouble";
import { glucoseText, reasonText, timeAndAge, titleOf, whatWasDone, type Wording } from "./wording";

export interface PersonConfig {
  /** The devices of people; everybody without. */
  people?: string[];
  /** Of one person, as short for the above. */
  device_id?: string;
  /** Whether a name leads to the view that has the id of the device for its path, as on our own dashboard. */
  has_views?: boolean;
}

const ARROWS: Record<string, string> = {
  rising_quickly: "⇈",
  rising: "↑",
  rising_slightly: "↗",
  steady: "→",
  falling_slightly: "↘",
  falling: "↓",
  falling_quickly: "⇊",
};

/** How people are: a line each, the worst first. */
export class CareAlertsPerson extends CareCard {
  static override styles = styles;

  private config: PersonConfig = {};

  setConfig(config: PersonConfig): void {
    this.config = config;
    this.watch();
  }

  static getStubConfig(): PersonConfig {
    return {};
  }

  static getConfigForm(): ConfigForm {
    return deviceForm("people");
  }

  protected override peopleIds(hass: Hass): string[] {
    const { people, device_id } = this.config;
    return people ?? (device_id ? [device_id] : new RegistryView(hass).people.map(({ id }) => id));
  }

  protected override render(): TemplateResult | typeof nothing {
    const { wording } = this;
    if (!wording) {
      return nothing;
    }
    const people = worstFirst(this.people, wording.language);
    return html`<ha-card>
      <ul aria-label=${wording.localize("people")}>
        ${repeat(
          people,
          ({ id }) => id,
          (one) => this.renderPerson(wording, one),
        )}
      </ul>
    </ha-card>`;
  }

  private renderPerson(wording: Wording, one: Watched): TemplateResult {
    const { localize } = wording;
    const { id, name, state } = one;
    const person = state.data?.person;
    const title = this.config.has_views ? html`<a href=${id}>${name}</a>` : name;
    return html`<li class="person" data-person=${id}>
      <ha-icon class=${this.severity(one)} icon=${iconOf(one)}></ha-icon>
      <div>
        <b class="name">${title}</b>
        ${person ? renderValue(wording, person) : nothing}
      </div>
      <p class="aside">
        ${asEach([one]).map(
          ({ state: { data, problem } }) =>
            html`${problem ? html`<span class="trouble">${problemText(wording, problem)}</span>` : nothing}
            ${data && isTroubled(data.person) ? renderTrouble(wording, data.person) : nothing}`,
        )}
        ${person ? renderWho(wording, one, person) : state.problem ? nothing : localize("asking")}
      </p>
    </li>`;
  }

  private severity(one: Watched): string {
    const [first] = [...needingCases([one]), ...answeredCases([one])];
    return first?.episode.severity ?? "";
  }
}

/** The value with its arrow and age; struck through where it speaks of the past only. */
function renderValue(wording: Wording, person: Person): TemplateResult {
  const { localize, now, stateName } = wording;
  const { glucose, unit, data_through } = person;
  if (!glucose) {
    return html`<span class="value reach"
      >${
        data_through
          ? localize("reach_short", timeAndAge(wording, data_through))
          : localize("no_reach")
      }</span
    >`;
  }
  const trend = glucose.trend ?? "";
  const words = stateName("sensor.glucose_trend", trend);
  // No space at its end: it would be struck through, too.
  const value = html`${glucoseText(wording, glucose, unit)}${
    ARROWS[trend] ? html` <span aria-hidden="true">${ARROWS[trend]}</span>` : nothing
  }${words ? html`<span class="unseen"> ${words}</span>` : nothing}`;
  const isPresent = isNow(glucose, now);
  const when = timeAndAge(wording, glucose.observed_at);
  return html`<span class="value">
    ${
      isPresent
        ? html`<span class="number" style="opacity: ${freshness(glucose, now).toFixed(2)}">${value}</span>`
        : html`<span class="unseen">${localize("was")}</span><s class="number">${value}</s>`
    }
    <small>${isPresent ? localize("at_ago", when) : localize("was_at_ago", when)}</small
    >
  </span>`;
}

/** What is wrong with what is heard of somebody, and the way out. */
function renderTrouble(wording: Wording, person: Person): TemplateResult {
  const { localize } = wording;
  const status = statusOf(person);
  return html`<span class="trouble"
    ><ha-icon icon="mdi:cloud-alert-outline"></ha-icon>${localize("trouble_of", {
      source: person.source_name,
      reason: reasonText(wording, status),
    })}
    ${renderWayOut(wording, status, person.way_out)}</span
  >`;
}

/** What is open of somebody and who has it, else who is on duty. */
function renderWho(wording: Wording, one: Watched, person: Person): TemplateResult | string {
  const { localize } = wording;
  const open = [...needingCases([one]), ...answeredCases([one])];
  const [worst] = open;
  if (worst) {
    const more = open.length > 1 ? localize("and_more", { count: open.length - 1 }) : "";
    return html`${titleOf(wording, worst.episode)}. ${whatWasDone(wording, worst.episode)} ${more}`;
  }
  const parts = [
    person.is_delayed && !isTroubled(person)
      ? localize("is_delayed", { source: person.source_name })
      : "",
    person.on_duty.length ? localize("on_duty", { names: person.on_duty.join(", ") }) : "",
  ];
  return parts.filter(Boolean).join(" ");
}

/** Shape tells what colour repeats: an alert, no word of the source, late by nature, or neither. */
function iconOf(one: Watched): string {
  const { data } = one.state;
  const [needing] = needingCases([one]);
  if (needing) {
    return severityIcon(needing.episode.severity);
  }
  if (asEach([one]).some(isUnsure)) {
    return "mdi:cloud-alert-outline";
  }
  const [answered] = answeredCases([one]);
  if (answered) {
    return answered.episode.acknowledged_at ? "mdi:hand-back-right" : "mdi:bell-sleep";
  }
  return data?.person.is_delayed ? "mdi:account-clock" : "mdi:account-heart";
}
