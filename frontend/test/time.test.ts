import { describe, expect, test } from "vitest";

import type { Locale } from "../src/home-assistant";
import { clockOf, formatDuration, shortDates, shortWeekdays, usesTwelveHours } from "../src/time";
import { home, LOCALE, localize } from "./home";

test.each<[Partial<Locale>, boolean]>([
  [{ time_format: "12", language: "de" }, true],
  [{ time_format: "24", language: "en-US" }, false],
  [{ time_format: "language", language: "en-US" }, true],
  [{ time_format: "language", language: "de" }, false],
])("%j reads twelve hours: %s", (locale, expected) => {
  expect(usesTwelveHours({ ...LOCALE, ...locale })).toBe(expected);
});

test("weeks begin on Monday, in the user's language", () => {
  expect(shortWeekdays(LOCALE)).toEqual(["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]);
  expect(shortWeekdays({ ...LOCALE, language: "nl" })[0]).toBe("ma");
});

test.each([
  ["en-US", "Nov 9"],
  ["de", "9. Nov."],
  ["pl", "9 lis"],
  ["pt", "9 de nov."],
])("a date without its year is written as in %s: %s", (language, expected) => {
  expect(shortDates({ ...LOCALE, language }, "9")[10]).toMatch(expected);
});

test.each([
  [0, "0 min"],
  [59, "59 min"],
  [60, "1 h 0 min"],
  [47 * 60 + 59, "47 h 59 min"],
  [48 * 60, "2 d 0 h"],
  [75 * 60 + 59, "3 d 3 h"],
])("%d minutes are %s", (minutes, expected) => {
  expect(formatDuration(localize, minutes)).toBe(expected);
});

describe("a clock", () => {
  const moment = new Date("2026-11-29T23:05:00Z");

  test("shows the home's time where the profile says so", () => {
    const clock = clockOf(home());
    expect(clock.time(moment)).toBe("00:05");
    expect(clock.day(moment)).toBe("Monday 30 November");
  });

  test("shows the browser's time where the profile says so", () => {
    const clock = clockOf(home({ locale: { ...LOCALE, time_zone: "local" } }));
    expect(clock.time(moment)).toBe(
      moment.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" }),
    );
  });

  test("has twelve hours where the profile says so", () => {
    const clock = clockOf(home({ locale: { ...LOCALE, language: "en-US", time_format: "12" } }));
    expect(clock.time(moment)).toMatch(/^12:05\sAM$/);
  });
});
