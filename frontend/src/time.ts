import type { Hass, Locale } from "./home-assistant";
import type { Localize } from "./localize";

/** Whether this user reads "2:05 PM". */
export function usesTwelveHours({ time_format, language }: Locale): boolean {
  if (time_format === "12" || time_format === "24") {
    return time_format === "12";
  }
  const usual = time_format === "system" ? undefined : language;
  return new Intl.DateTimeFormat(usual, { hour: "numeric" }).resolvedOptions().hour12 ?? false;
}

/** The short names of the days, Monday first. */
export function shortWeekdays({ language }: Locale): string[] {
  return [1, 2, 3, 4, 5, 6, 7].map((day) =>
    new Date(2024, 0, day).toLocaleDateString(language, { weekday: "short" }),
  );
}

/** A length of time in words. */
export function formatDuration(localize: Localize, minutes: number): string {
  if (minutes < 60) {
    return localize("minutes", { minutes });
  }
  const hours = Math.floor(minutes / 60);
  return hours < 48
    ? localize("hours", { hours, minutes: minutes % 60 })
    : localize("days", { days: Math.floor(hours / 24), hours: hours % 24 });
}

export interface Clock {
  /** "14:05" or "2:05 PM". */
  time(moment: Date): string;
  /** "Sunday 29 November". */
  day(moment: Date): string;
}

/** Times as this user reads them, in the time zone of the profile. */
export function clockOf({ locale, config }: Pick<Hass, "locale" | "config">): Clock {
  const zone = locale.time_zone === "server" ? { timeZone: config.time_zone } : {};
  const hour12 = usesTwelveHours(locale);
  const format = (how: Intl.DateTimeFormatOptions) => (moment: Date) =>
    moment.toLocaleString(locale.language, { ...zone, ...how });
  return {
    time: format({ hour: "2-digit", minute: "2-digit", hour12 }),
    day: format({ weekday: "long", day: "numeric", month: "long" }),
  };
}
