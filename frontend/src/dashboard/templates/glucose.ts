import type { Context } from "../context";
import { macros, setTime, timeAndAge } from "./macros";

/** The newest glucose value, its trend, and how old they are. */
export function glucoseTemplate(
  context: Context,
  glucose: string,
  trend: string | undefined,
): string {
  const { localize } = context;
  const direction = trend
    ? `{{ " · " ~ literal(state_translated("${trend}")) if has_value("${trend}") }}`
    : "";
  return `${macros(context)}${setTime("observed_at", glucose, "observed_at")}
{%- if has_value("${glucose}") %}
## {{ states("${glucose}", with_unit=True, rounded=True) }}${direction}
{% if is_state_attr("${glucose}", "out_of_range", "low") or is_state_attr("${glucose}", "out_of_range", "high") -%}
{{ state_attr_translated("${glucose}", "out_of_range") }}.
{% endif -%}
{% if observed_at %}${localize("observed", timeAndAge("observed_at"))}{% endif %}
{%- else -%}
${localize("no_glucose")}
{%- endif -%}`;
}
