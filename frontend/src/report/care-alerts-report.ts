import { html, nothing, type TemplateResult } from "lit";
import { state } from "lit/decorators/state.js";

import { CareCard } from "../cards/care-card";
import { deviceForm, type ConfigForm } from "../cards/editor";
import type { Watched } from "../cards/people";
import { asEach } from "../cards/same";
import { problemText } from "../cards/trouble";
import { glucoseText, type Wording } from "../cards/wording";
import { DAY_MS, DOMAIN } from "../const";
import type { Hass } from "../home-assistant";
import { RegistryView } from "../registry-view";
import { clockOf } from "../time";
import { csvOf } from "./csv";
import type { PersonReport, Report } from "./model";
import { printAlone, printWithPage, type Printable } from "./print";
import { styles } from "./styles";
import { renderAlerts, renderGlucose, renderHours, renderNights } from "./tables";

export interface ReportConfig {
  /** A person's. */
  device_id: string;
}

/** All that readings are kept of. */
const FORTNIGHT_DAYS = 14;
/** Ours: as often as most sensors read. */
const FRESH_MS = 300_000;

type Period = "night" | "fortnight";

/** What there was of a person in the last night, or in two weeks: to be read, printed, or taken into a spreadsheet. */
export class CareAlertsReport extends CareCard implements Printable {
  static override styles = styles;

  readonly styleText = styles.cssText;

  private config: ReportConfig = { device_id: "" };
  @state() private period: Period = "night";
  @state() private report: Report | undefined;
  @state() private failure: string | undefined;
  private askedAt = -Infinity;
  /** Counts what was asked: an older answer is not shown. */
  private asked = 0;
  private endPrinting: (() => void) | undefined;

  setConfig({ device_id }: Partial<ReportConfig>): void {
    if (!device_id) {
      throw new Error("device_id is missing");
    }
    this.config = { device_id };
    this.report = undefined;
    this.askedAt = -Infinity;
    this.watch();
    this.requestUpdate();
  }

  static getStubConfig(hass: Hass): ReportConfig {
    return { device_id: new RegistryView(hass).people[0]?.id ?? "" };
  }

  static getConfigForm(): ConfigForm {
    return deviceForm("device_id");
  }

  protected override peopleIds(): string[] {
    return [this.config.device_id];
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.endPrinting = printWithPage(this);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.endPrinting?.();
  }

  protected override willUpdate(): void {
    if (this.home && this.isConnected && Date.now() - this.askedAt >= FRESH_MS) {
      void this.ask(this.home);
    }
  }

  /** By the home's clock, as its nights and hours are, whatever the browser's shows. */
  protected override get wording(): Wording | undefined {
    const { home } = this;
    const wording = super.wording;
    return home && wording
      ? { ...wording, clock: clockOf({ ...home, locale: { ...home.locale, time_zone: "server" } }) }
      : undefined;
  }

  private async ask(home: Hass): Promise<void> {
    this.askedAt = Date.now();
    const asked = ++this.asked;
    // A little less: all of it has to be kept still when it is asked for.
    const start = new Date(this.askedAt - FORTNIGHT_DAYS * DAY_MS + 60_000);
    try {
      const { response } = await home.callWS<{ response: Report }>({
        type: "call_service",
        domain: DOMAIN,
        service: "get_report",
        service_data: this.period === "fortnight" ? { start: start.toISOString() } : {},
        target: { device_id: this.config.device_id },
        return_response: true,
      });
      if (asked === this.asked) {
        this.report = response;
        this.failure = undefined;
      }
    } catch (err) {
      if (asked === this.asked) {
        this.failure = (err as { message?: string }).message ?? String(err);
      }
    }
  }

  private show(period: Period): void {
    this.period = period;
    this.report = undefined;
    this.askedAt = -Infinity;
  }

  private save(report: Report, one: PersonReport): void {
    const timeZone = this.home?.config.time_zone;
    // As ISO 8601 has it.
    const day = (iso: string): string => new Date(iso).toLocaleDateString("sv", { timeZone });
    // With the mark by which spreadsheets know UTF-8.
    const file = new Blob(["\ufeff", csvOf(report, one)], { type: "text/csv;charset=utf-8" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = `${one.person} ${day(report.start)} ${day(report.end)}.csv`;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  protected override render(): TemplateResult | typeof nothing {
    const { wording, people, report } = this;
    const [watched] = people;
    if (!wording || !watched) {
      return nothing;
    }
    const { localize } = wording;
    const { problem } = watched.state;
    const one = report?.people[0];
    return html`<ha-card>
      <article lang=${wording.language}>
        <h2>${localize("report_of", { name: watched.name })}</h2>
        <div class="buttons screen" role="group" aria-label=${localize("time_shown")}>
          ${(["night", "fortnight"] as const).map(
            (period) => html`<button
              type="button"
              aria-pressed=${period === this.period}
              @click=${() => {
                this.show(period);
              }}
            >
              ${
                period === "night"
                  ? localize("report_night")
                  : localize("choice_days", { days: FORTNIGHT_DAYS })
              }
            </button>`,
          )}
        </div>
        ${problem ? html`<p class="aside">${problemText(wording, problem)}</p>` : nothing}
        ${
          this.failure
            ? html`<p role="alert">${localize("cannot_be_shown", { reason: this.failure })}</p>`
            : nothing
        }
        ${
          report && one
            ? this.renderReport(wording, report, one, asEach([watched]))
            : this.failure
              ? nothing
              : html`<p class="aside">${localize("asking")}</p>`
        }
      </article>
    </ha-card>`;
  }

  /** `parts`: the person as each of their sources has them. */
  private renderReport(
    wording: Wording,
    report: Report,
    one: PersonReport,
    parts: readonly Watched[],
  ): TemplateResult {
    const { localize, clock } = wording;
    const at = (iso: string): string => clock.dateTime(new Date(iso));
    const { glucose } = one;
    const kept = report.readings_kept_from ?? report.alerts_kept_from;
    const sources = parts.flatMap(({ state: { data } }) => data?.person.source_name ?? []);
    const nameOf = (source: string): string => {
      const its = parts.find(({ state: { data } }) => data?.person.source === source);
      return (its && this.home?.devices[its.id]?.manufacturer) ?? source;
    };
    return html`<p>${localize("report_time", { start: at(report.start), end: at(report.end) })}</p>
      <p class="aside">
        ${sources.join(", ") || one.source}.
        ${one.data_through ? localize("report_reach", { time: at(one.data_through) }) : localize("no_reach")}
        ${kept ? localize("report_kept", { time: at(kept) }) : nothing}
        ${clock.namedZone ? localize("zone", { zone: clock.namedZone }) : nothing}
      </p>
      ${
        glucose
          ? [
              renderGlucose(wording, glucose, (extreme) => ({
                value: glucoseText(wording, extreme, glucose.unit),
                time: at(extreme.observed_at),
              })),
              // Where no data cover anything, none was below, and that is no all-clear.
              glucose.percent_below === null ? nothing : renderHours(wording, glucose),
            ]
          : nothing
      }
      ${renderNights(wording, one)} ${renderAlerts(wording, one, nameOf)}
      <p class="aside">${localize("report_about")}</p>
      <div class="buttons screen">
        <button
          type="button"
          @click=${() => {
            printAlone(this);
          }}
        >
          ${localize("report_print")}
        </button>
        <button
          type="button"
          @click=${() => {
            this.save(report, one);
          }}
        >
          ${localize("report_csv")}
        </button>
      </div>`;
  }
}
