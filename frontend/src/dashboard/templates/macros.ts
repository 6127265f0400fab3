import { shortDates, shortWeekdays, usesTwelveHours } from "../../time";
import type { Context } from "../context";

/**
 * What every template begins with: how times and ages are written for this user, and what others have written.
 *
 * Templates are rendered by Home Assistant, so ages go on counting.
 */
export function macros({ locale, localize }: Context): string {
  const clock = usesTwelveHours(locale) ? "%-I:%M %p" : "%H:%M";
  return `
{%- macro clock(moment) -%}
  {%- set local = moment | as_local -%}
  {%- if local.date() != now().date() -%}
    {%- if now() - local < timedelta(days=6) -%}
      {{ ${JSON.stringify(shortWeekdays(locale))}[local.weekday()] ~ " " }}
    {%- else -%}
      {{ ${JSON.stringify(shortDates(locale, "DAY"))}[local.month - 1] | replace("DAY", local.day) ~ ", " }}
    {%- endif -%}
  {%- endif -%}
  {{ local.strftime("${clock}") }}
{%- endmacro -%}
{%- macro age(moment) -%}
  {%- set minutes = [(now() - moment).total_seconds() // 60, 0] | max | int -%}
  {%- if minutes < 60 -%}${localize("minutes", { minutes: "{{ minutes }}" })}
  {%- elif minutes < 2880 -%}${localize("hours", { hours: "{{ minutes // 60 }}", minutes: "{{ minutes % 60 }}" })}
  {%- else -%}${localize("days", { days: "{{ minutes // 1440 }}", hours: "{{ minutes // 60 % 24 }}" })}
  {%- endif -%}
{%- endmacro -%}
{%- macro literal(text) -%}
  {%- for character in text | string -%}
    {{ character if character.isalnum() or character == " " else "&#" ~ (character | ord) ~ ";" }}
  {%- endfor -%}
{%- endmacro -%}
`;
}

/** What stands for a named time and its age in a text. */
export const timeAndAge = (name: string): { time: string; age: string } => ({
  time: `{{ clock(${name}) }}`,
  age: `{{ age(${name}) }}`,
});
