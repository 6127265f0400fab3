import { DAY_MS } from "./const";
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

/** The dates of each month as "29 Nov", with something else in place of the day. */
export function shortDates({ language }: Locale, day: string): string[] {
  const format = new Intl.DateTimeFormat(language, { day: "numeric", month: "short" });
  return Array.from({ length: 12 }, (_, month) =>
    format
      .formatToParts(new Date(2024, month, 1))
      .map(({ type, value }) => (type === "day" ? day : value))
      .join(""),
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
  /** The time, with the day unless it is that of `now`: "Sun 14:05", "29 Nov, 14:05". */
  timeBeside(moment: Date, now: Date): string;
  /** "29 November 2026, 14:05". */
  dateTime(moment: Date): string;
  /** "Sun, 29 Nov". */
  shortDay(moment: Date): string;
  /** "Sun, 29 Nov, 14:05". */
  shortDateTime(moment: Date): string;
  /** The zone all of these are in, as a user chose it. */
  zone: string | undefined;
  /** Its name, where it is not what both the browser's and the home's clocks show. */
  namedZone: string | undefined;
}

/** Ours: a weekday alone is clear within the last six days. */
const WEEKDAY_MS = 6 * DAY_MS;

/** Times as this user reads them, in the time zone of the profile. */
export function clockOf({ locale, config }: Pick<Hass, "locale" | "config">): Clock {
  const zone = locale.time_zone === "server" ? config.time_zone : undefined;
  const hour12 = usesTwelveHours(locale);
  const format = (how: Intl.DateTimeFormatOptions): ((moment: Date) => string) => {
    const formatter = new Intl.DateTimeFormat(locale.language, {
      ...(zone && { timeZone: zone }),
      ...how,
    });
    return (moment) => formatter.format(moment);
  };
  const time = format({ hour: "2-digit", minute: "2-digit", hour12 });
  const date = format({ year: "numeric", month: "numeric", day: "numeric" });
  const weekday = format({ weekday: "short" });
  const shortDate = format({ day: "numeric", month: "short" });
  return {
    time,
    day: format({ weekday: "long", day: "numeric", month: "long" }),
    dateTime: format({ dateStyle: "long", timeStyle: "short", hour12 }),
    shortDay: format({ weekday: "short", day: "numeric", month: "short" }),
    shortDateTime: format({
      weekday: "short",
      day: "numeric",
      month: "short",
      hour: "2-digit",
      minute: "2-digit",
      hour12,
    }),
    timeBeside(moment, now) {
      if (date(moment) === date(now)) {
        return time(moment);
      }
      const isNear = Math.abs(now.getTime() - moment.getTime()) < WEEKDAY_MS;
      return isNear
        ? `${weekday(moment)} ${time(moment)}`
        : `${shortDate(moment)}, ${time(moment)}`;
    },
    zone,
    namedZone: zonesDiffer(config.time_zone) ? (zone ?? browserZone()) : undefined,
  };
}

const browserZone = (): string => new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Whether the clocks of the browser and of a zone show different times, now or half a year from now. */
function zonesDiffer(zone: string): boolean {
  const shown = (timeZone: string, moment: number): string =>
    new Intl.DateTimeFormat("en", { timeZone, dateStyle: "short", timeStyle: "short" }).format(
      moment,
    );
  const now = Date.now();
  return [now, now + 182 * DAY_MS].some(
    (moment) => shown(zone, moment) !== shown(browserZone(), moment),
  );
}
