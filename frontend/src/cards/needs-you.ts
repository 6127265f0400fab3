import { html, nothing, type TemplateResult } from "lit";
import { state } from "lit/decorators/state.js";
import { repeat } from "lit/directives/repeat.js";

import { DOMAIN, SNOOZE_MINUTES } from "../const";
import type { Hass } from "../home-assistant";
import type { Localize } from "../localize";
import { RegistryView } from "../registry-view";
import { severityIcon } from "../severity";
import { CareCard } from "./care-card";
import { deviceForm, type ConfigForm } from "./editor";
import {
  answeredCases,
  delayedPeople,
  isAnythingKnown,
  needingCases,
  troublesOf,
  type Case,
} from "./people";
import { styles } from "./styles";
import { renderTrouble } from "./trouble";
import {
  observedText,
  timeAndAge,
  titleOf,
  whatWasDone,
  witnessesText,
  type Wording,
} from "./wording";

export interface NeedsYouConfig {
  /** The devices of people; everybody without. */
  people?: string[];
}

/** After an answer its news are on their way: ours, how long a button stays as it is for them. */
const NEWS_MS = 3_000;

/** Ours: so many, with their buttons, leave room for how everybody is on the first screen of a phone. */
const IN_FULL = 3;

type Service = "acknowledge" | "unacknowledge" | "snooze" | "unsnooze";

/** What needs somebody, the worst first, with what can be done about it in reach of a thumb. */
export class CareAlertsNeedsYou extends CareCard {
  static override styles = styles;

  @state() private busy: ReadonlySet<string> = new Set();
  @state() private failure = "";
  private config: NeedsYouConfig = {};

  setConfig(config: NeedsYouConfig): void {
    this.config = config;
    this.watch();
  }

  static getStubConfig(): NeedsYouConfig {
    return {};
  }

  static getConfigForm(): ConfigForm {
    return deviceForm("people");
  }

  protected override peopleIds(hass: Hass): string[] {
    return this.config.people ?? new RegistryView(hass).people.map(({ id }) => id);
  }

  protected override render(): TemplateResult | typeof nothing {
    const { wording, people } = this;
    if (!wording) {
      return nothing;
    }
    const { localize } = wording;
    const needing = needingCases(people);
    const answered = answeredCases(people);
    return html`<ha-card>
      <section aria-label=${localize("needs_you")}>
        ${needing.length ? nothing : this.renderQuiet(wording)}
        ${repeat(needing.slice(0, IN_FULL), keyOf, (one) => this.renderNeed(wording, one))}
        ${needing.length > IN_FULL ? this.renderMore(wording, needing.slice(IN_FULL)) : nothing}
        ${severalOfOne(needing).map((cases) => this.renderAll(wording, cases))}
        ${
          this.failure
            ? html`<p class="failure" role="alert">
              <ha-icon icon="mdi:alert-octagon-outline"></ha-icon>${this.failure}
            </p>`
            : nothing
        }
        ${needing.length ? this.renderNotKnown(wording) : nothing}
        ${repeat(answered, keyOf, (one) => this.renderAnswered(wording, one))}
        ${
          wording.clock.namedZone
            ? html`<p class="aside">${localize("zone", { zone: wording.clock.namedZone })}</p>`
            : nothing
        }
      </section>
    </ha-card>`;
  }

  /** Behind the worst: how many more, and what they are when somebody wants to see. */
  private renderMore(wording: Wording, more: Case[]): TemplateResult {
    return html`<details>
      <summary>${wording.localize("needs_more", { count: more.length })}</summary>
      ${repeat(more, keyOf, (one) => this.renderNeed(wording, one))}
    </details>`;
  }

  private renderNeed(wording: Wording, one: Case): TemplateResult {
    const { localize, clock, now } = wording;
    const { person, episode } = one;
    const arrived = episode.late
      ? localize("arrived_late", { time: clock.timeBeside(new Date(episode.received_at), now) })
      : "";
    return html`<article class="need ${episode.severity}" data-episode=${episode.episode_id}>
      <ha-icon icon=${severityIcon(episode.severity)}></ha-icon>
      <div>
        <h2>${person.name}: ${titleOf(wording, episode)}</h2>
        <p>${whatWas(wording, one)} ${arrived}</p>
        ${episode.witnesses ? html`<p class="aside">${witnessesText(wording, episode)}</p>` : nothing}
        <p class="aside">
          ${whatWasDone(wording, episode)}
          ${
            person.on_duty.length
              ? localize("on_duty", { names: person.on_duty.join(", ") })
              : nothing
          }
        </p>
      </div>
      <div class="buttons">
        ${this.button(wording, one, "acknowledge", localize("acknowledge"), "main")}
        ${this.button(wording, one, "snooze", localize("snooze", { minutes: SNOOZE_MINUTES }))}
      </div>
    </article>`;
  }

  /** All that is shown of somebody, with one press. */
  private renderAll({ localize }: Wording, cases: Case[]): TemplateResult {
    const name = cases[0]?.person.name ?? "";
    return html`<button
      type="button"
      ?disabled=${cases.some(({ episode }) => this.busy.has(episode.episode_id))}
      @click=${() => {
        for (const one of cases) {
          void this.act(localize, one, "acknowledge");
        }
      }}
    >
      ${localize("acknowledge_all", { name, count: cases.length })}
    </button>`;
  }

  /** What somebody has, or is snoozed: smaller, as it needs nobody else. It is not over. */
  private renderAnswered(wording: Wording, one: Case): TemplateResult {
    const { localize } = wording;
    const { person, episode } = one;
    const isAcknowledged = !!episode.acknowledged_at;
    return html`<article class="answered ${episode.severity}" data-episode=${episode.episode_id}>
      <ha-icon icon=${isAcknowledged ? "mdi:hand-back-right" : "mdi:bell-sleep"}></ha-icon>
      <div>
        <p>${person.name}: ${titleOf(wording, episode)}. ${whatWasDone(wording, episode)}</p>
        <p class="aside">${whatWas(wording, one)} ${localize("not_over")}</p>
      </div>
      ${
        isAcknowledged
          ? this.button(wording, one, "unacknowledge", localize("unacknowledge"))
          : this.button(wording, one, "unsnooze", localize("unsnooze"))
      }
    </article>`;
  }

  private button(
    wording: Wording,
    one: Case,
    service: Service,
    label: string,
    style = "",
  ): TemplateResult {
    const { person, episode } = one;
    return html`<button
      class=${style}
      type="button"
      ?disabled=${this.busy.has(episode.episode_id)}
      aria-label="${label}: ${person.name}, ${titleOf(wording, episode)}"
      @click=${() => void this.act(wording.localize, one, service)}
    >
      ${label}
    </button>`;
  }

  /** Nobody is needed, as far as is known: and how far that is. */
  private renderQuiet(wording: Wording): TemplateResult {
    const { localize, clock, now } = wording;
    const { people } = this;
    if (people.some(({ state: { data, problem } }) => !data && !problem)) {
      return html`<p>${localize("asking")}</p>`;
    }
    const title = isAnythingKnown(people)
      ? localize("nobody_needed", { time: clock.time(now) })
      : people.length
        ? localize("nothing_known")
        : localize("nobody_followed");
    return html`<h2 class="quiet">${title}</h2>
      ${troublesOf(people).map((trouble) => renderTrouble(wording, trouble))}
      ${delayedPeople(people).map(
        (person) =>
          html`<p class="aside">
            <ha-icon icon="mdi:clock-outline"></ha-icon>${
              person.data_through
                ? localize("delayed_reach", {
                    name: person.name,
                    source: person.source_name,
                    ...timeAndAge(wording, person.data_through),
                  })
                : localize("delayed_no_reach", { name: person.name, source: person.source_name })
            }
          </p>`,
      )}`;
  }

  /** While something needs somebody, of whom nothing is known has one line: they stand below, each with their trouble. */
  private renderNotKnown(wording: Wording): TemplateResult | typeof nothing {
    const troubles = troublesOf(this.people);
    const names = [...new Set(troubles.flatMap(({ people }) => people))];
    return names.length
      ? html`<p class="aside">
          <ha-icon icon="mdi:cloud-alert-outline"></ha-icon>${wording.localize("not_known", {
            people: names.join(", "),
          })}
        </p>`
      : nothing;
  }

  /** Act on the episode that was shown, whatever has begun since; not twice. */
  private async act(
    localize: Localize,
    { person, episode }: Case,
    service: Service,
  ): Promise<void> {
    const { home } = this;
    const { episode_id, entity_id } = episode;
    if (!home || this.busy.has(episode_id)) {
      return;
    }
    this.busy = new Set(this.busy).add(episode_id);
    this.failure = "";
    const byEpisode = service === "acknowledge" || service === "snooze";
    try {
      const { response } = await home.callWS<{ response: Record<string, unknown> }>({
        type: "call_service",
        domain: DOMAIN,
        service,
        target: entity_id ? { entity_id } : { device_id: person.device_id },
        service_data: {
          ...(byEpisode && { episode_id }),
          ...(service === "snooze" && { duration: { minutes: SNOOZE_MINUTES } }),
        },
        return_response: true,
      });
      const [done] = Object.values(response).filter((value) => Array.isArray(value)) as unknown[][];
      if (byEpisode && done && !done.length) {
        this.failure = localize("nothing_done");
      }
      await new Promise((resolve) => setTimeout(resolve, NEWS_MS));
    } catch (error) {
      const { message } = error as { message?: string };
      this.failure = localize("not_done", { reason: message ?? String(error) });
    } finally {
      const busy = new Set(this.busy);
      busy.delete(episode_id);
      this.busy = busy;
    }
  }
}

/** What was observed; of a test alert, that nothing was. */
const whatWas = (wording: Wording, { episode }: Case): string =>
  episode.drill ? wording.localize("drill_runs") : observedText(wording, episode);

/** Those of whom there is more than one. */
function severalOfOne(cases: readonly Case[]): Case[][] {
  const byPerson = new Map<string, Case[]>();
  for (const one of cases) {
    const { device_id } = one.person;
    byPerson.set(device_id, [...(byPerson.get(device_id) ?? []), one]);
  }
  return [...byPerson.values()].filter(({ length }) => length > 1);
}

const keyOf = ({ episode }: Case): string => episode.episode_id;
