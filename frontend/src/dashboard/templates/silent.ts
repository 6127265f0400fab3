import type { DeviceEntry } from "../../home-assistant";
import { escapeMarkdown } from "../../markdown";
import { deviceName } from "../../registry-view";
import type { Context } from "../context";
import { macros, timeAndAge } from "./macros";

/** Since when a source has been silent, and why. */
export function silentTemplate(context: Context, source: DeviceEntry): string {
  const { localize, registry } = context;
  const dataThrough = registry.entityId(source.id, "sensor", "data_through");
  const status = registry.entityId(source.id, "sensor", "status");
  const why = status
    ? `{{ literal(state_translated("${status}")) ~ "." if has_value("${status}") }}`
    : "";
  const reach = dataThrough
    ? `{%- set reach = states("${dataThrough}") | as_datetime(none) -%}
{%- if reach %} ${localize("reach", timeAndAge("reach"))}{% else %} ${localize("no_reach")}{% endif %}`
    : "";
  const title = escapeMarkdown(localize("silent", { source: deviceName(source) }));
  return `${macros(context)}
<ha-alert alert-type="warning" title="${title}">${why}${reach}</ha-alert>`;
}
