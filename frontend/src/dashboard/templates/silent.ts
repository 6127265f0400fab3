import type { DeviceEntry } from "../../home-assistant";
import { escapeMarkdown } from "../../markdown";
import { deviceName } from "../../registry-view";
import type { Context } from "../context";
import { macros, timeAndAge } from "./macros";

/** Since when a source has been silent, why, and about whom. */
export function silentTemplate(context: Context, source: DeviceEntry, silent: string): string {
  const { localize, registry } = context;
  const status = registry.entityId(source.id, "sensor", "status");
  const why = status
    ? `{{ literal(state_translated("${status}")) ~ "." if has_value("${status}") }}`
    : "";
  const about = localize("silent_about", { people: '{{ literal(people | join(", ")) }}' });
  // How far the data of the others reach says nothing of those who are silent: that stands at each person.
  const whom = `{%- set people = state_attr("${silent}", "people") -%}
{%- if people %} ${about}{% else %}${reach(context, source)}{% endif %}`;
  const title = escapeMarkdown(localize("silent", { source: deviceName(source) }));
  return `${macros(context)}
<ha-alert alert-type="warning" title="${title}">${why}${whom}</ha-alert>`;
}

/** How far the data of a source reach. */
function reach({ localize, registry }: Context, device: DeviceEntry): string {
  const dataThrough = registry.entityId(device.id, "sensor", "data_through");
  return dataThrough
    ? `{%- set reach = states("${dataThrough}") | as_datetime(none) -%}
{%- if reach %} ${localize("reach", timeAndAge("reach"))}{% else %} ${localize("no_reach")}{% endif %}`
    : "";
}
