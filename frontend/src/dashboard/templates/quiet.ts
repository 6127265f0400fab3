import type { DeviceEntry } from "../../home-assistant";
import { escapeMarkdown } from "../../markdown";
import type { Context } from "../context";
import { macros, timeAndAge } from "./macros";

/** What there is to say when no alert is active: how far the data reach, never that all is well. */
export function quietTemplate(context: Context, person: DeviceEntry, activeAlerts: string): string {
  const { localize, registry } = context;
  const dataThrough = registry.entityId(person.id, "sensor", "data_through");
  const reach = dataThrough
    ? `{%- set reach = states("${dataThrough}") | as_datetime(none) -%}
{% if reach %} ${localize("reach", timeAndAge("reach"))}{% endif %}`
    : "";
  return `${macros(context)}
{%- if is_state("${activeAlerts}", "0") -%}
${localize("none_known")}${reach}
{%- else -%}
<ha-alert alert-type="warning" title="${escapeMarkdown(localize("nothing_known"))}">${localize("nothing_known_text")}</ha-alert>
{%- endif -%}`;
}
