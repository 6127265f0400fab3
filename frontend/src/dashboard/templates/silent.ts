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

/** What is wrong with what a source says of a person, and how far their data reach. */
export function troubleTemplate(
  context: Context,
  source: DeviceEntry,
  person: DeviceEntry,
  silent: string,
): string {
  const { localize } = context;
  const names = { source: deviceName(source) };
  const isSilent = escapeMarkdown(localize("silent", names));
  const answersBadly = escapeMarkdown(localize("trouble", names));
  const why = `{{ literal(state_attr_translated("${silent}", "status")) }}.`;
  return `${macros(context)}
<ha-alert alert-type="warning" title="{% if is_state("${silent}", "on") %}${isSilent}{% else %}${answersBadly}{% endif %}">${why}${reach(context, person)}</ha-alert>`;
}

/** How far the data of a source or a person reach. */
function reach({ localize, registry }: Context, device: DeviceEntry): string {
  const dataThrough = registry.entityId(device.id, "sensor", "data_through");
  return dataThrough
    ? `{%- set reach = states("${dataThrough}") | as_datetime(none) -%}
{%- if reach %} ${localize("reach", timeAndAge("reach"))}{% else %} ${localize("no_reach")}{% endif %}`
    : "";
}
