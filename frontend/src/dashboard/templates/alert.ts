import type { DeviceEntry, EntityEntry } from "../../home-assistant";
import { escapeMarkdown } from "../../markdown";
import { ALERT_BOX, severityNames } from "../../severity";
import type { Context } from "../context";
import { macros, setTime, timeAndAge } from "./macros";

/** One alert: what, how bad, when observed, who has acknowledged it. Nothing in it says that it is so now, or over. */
export function alertTemplate(context: Context, person: DeviceEntry, sensor: EntityEntry): string {
  const { localize, registry } = context;
  const alert = sensor.entity_id;
  const status = registry.entityId(person.id, "sensor", `${sensor.translation_key ?? ""}_status`);
  const detail = status
    ? `{{ ": " ~ literal(state_translated("${status}")) if has_value("${status}") }}`
    : "";
  const name = escapeMarkdown(registry.entityName(alert));
  const acknowledgedBy = localize("acknowledged_by", {
    who: '<b>{{ literal(state_attr(alert, "acknowledged_by")) }}</b>',
  });
  return `${macros(context)}
{%- set alert = "${alert}" -%}
{%- set severity = state_attr(alert, "severity") or "low" -%}
{%- set how_bad = ${JSON.stringify(severityNames(localize))} -%}
${setTime("observed_at", alert, "observed_at")}${setTime("since", alert, "since")}
${setTime("acknowledged_at", alert, "acknowledged_at")}${setTime("snoozed_until", alert, "snoozed_until")}
{%- if is_state(alert, "on") -%}
<ha-alert alert-type="{{ ${JSON.stringify(ALERT_BOX)}.get(severity, "info") }}" title="${name}${detail}{{ " · " ~ how_bad[severity] if severity in how_bad }}">
{%- if observed_at %}${localize("observed", timeAndAge("observed_at"))}{% endif -%}
{%- if since and observed_at and since < observed_at %} ${localize("first", timeAndAge("since"))}{% endif -%}
{%- else -%}
<ha-alert alert-type="info" title="${escapeMarkdown(localize("drill"))}: ${name}">${localize("drill_runs")}
{%- endif -%}
{%- if state_attr(alert, "acknowledged") -%}
  <br>{% if state_attr(alert, "acknowledged_by") %}${acknowledgedBy}{% else %}${localize("acknowledged")}{% endif %}
  {%- if acknowledged_at %} ({{ clock(acknowledged_at) }}){% endif %}. ${localize("not_over")}
  {%- if state_attr(alert, "note") %}<br><i>{{ literal(state_attr(alert, "note")) }}</i>{% endif -%}
{%- else -%}<br>${localize("unacknowledged")}{%- endif -%}
{%- if snoozed_until %}<br>${localize("snoozed", { time: "{{ clock(snoozed_until) }}" })}{% endif -%}
</ha-alert>`;
}
