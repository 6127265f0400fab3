import { html, nothing, type TemplateResult } from "lit";

import type { Problem } from "../data/feed";
import type { Trouble } from "./people";
import { reasonText, timeAndAge, type Wording } from "./wording";

/** What is wrong, of whom nothing is known for it, how far their data reach, and the way out. */
export function renderTrouble(wording: Wording, trouble: Trouble): TemplateResult {
  const { localize } = wording;
  const { cause, people, reach, wayOut } = trouble;
  const what =
    "problem" in cause
      ? problemText(wording, cause.problem)
      : localize("trouble_of", { source: cause.source, reason: reasonText(wording, cause.status) });
  return html`<p class="trouble">
    <ha-icon icon="mdi:cloud-alert-outline"></ha-icon>
    <span>
      <b>${what}</b>
      ${localize("not_known", { people: people.join(", ") })}
      ${reach ? localize("reach_short", timeAndAge(wording, reach)) : nothing}
      ${renderWayOut(wording, "problem" in cause ? "" : cause.status, wayOut)}
    </span>
  </p>`;
}

/** A link to where the trouble is mended. */
export function renderWayOut(
  { localize }: Wording,
  status: string,
  wayOut: string | null,
): TemplateResult | typeof nothing {
  if (!wayOut) {
    return nothing;
  }
  const label = status === "login_failed" ? localize("log_in_again") : localize("way_out");
  return html`<a href=${wayOut}>${label}</a>`;
}

/** Why the page itself knows nothing newer. */
export function problemText(wording: Wording, problem: Problem): string {
  const { localize, clock, now } = wording;
  switch (problem.kind) {
    case "disconnected":
      return localize("disconnected", { time: clock.timeBeside(problem.since, now) });
    case "outdated":
      return localize("outdated");
    case "not_found":
      return localize("person_gone");
    case "unauthorized":
      return localize("no_right");
    case "failed":
      return localize("cannot_be_shown", { reason: problem.reason });
  }
}
