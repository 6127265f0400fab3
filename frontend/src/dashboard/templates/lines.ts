import type { EntityEntry } from "../../home-assistant";
import { escapeMarkdown } from "../../markdown";
import type { Context } from "../context";
import { macros } from "./macros";

/** The sentences that an attribute lists, one a line. */
export function linesTemplate(context: Context, entity: string, attribute: string): string {
  return `${macros(context)}
{%- for line in state_attr("${entity}", "${attribute}") or [] %}
- {{ literal(line) }}
{%- endfor %}`;
}

/** The same, as a warning. */
export function warningTemplate(
  context: Context,
  title: string,
  entity: string,
  attribute: string,
): string {
  return `${macros(context)}
<ha-alert alert-type="warning" title="${escapeMarkdown(title)}">{{ literal((state_attr("${entity}", "${attribute}") or []) | join(" ")) }}</ha-alert>`;
}

/** What a sensor is called, and the time that it tells: a tile would cut a name with another one in it. */
export function momentTemplate(context: Context, { entity_id, name }: EntityEntry): string {
  return `${macros(context)}
{%- set moment = states("${entity_id}") | as_datetime(none) -%}
${escapeMarkdown(name ?? "")}{% if moment %}: {{ clock(moment) }}{% endif %}`;
}
