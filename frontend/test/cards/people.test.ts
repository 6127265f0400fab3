import { expect, test } from "vitest";

import {
  answeredCases,
  freshness,
  isAnythingKnown,
  isNow,
  needingCases,
  troublesOf,
  worstFirst,
  type Watched,
} from "../../src/cards/people";
import type { Problem } from "../../src/data/feed";
import type { Episode, Person } from "../../src/data/model";
import { episode, person } from "../connection";

const watched = (of: Person, episodes: Episode[] = [], problem?: Problem): Watched => ({
  id: of.device_id,
  name: of.name,
  state: { data: { person: of, episodes, readings: [] }, ...(problem && { problem }) },
});

const ids = (people: Watched[]): string[] =>
  needingCases(people).map(({ episode: { episode_id } }) => episode_id);

test("the worst comes first, then the newest, a test alert after all that is real", () => {
  const people = [
    watched(person("anna"), [
      episode("drill", { drill: true, severity: "high" }),
      episode("older", { severity: "medium", opened_at: "2026-11-29T10:00:00Z" }),
    ]),
    watched(person("mila"), [
      episode("newer", { severity: "medium", opened_at: "2026-11-29T11:00:00Z" }),
      episode("worst", { severity: "high", opened_at: "2026-11-29T09:00:00Z" }),
      episode("had", { needs_somebody: false, acknowledged_at: "2026-11-29T11:00:00Z" }),
      episode("over", { needs_somebody: false, is_open: false }),
    ]),
  ];
  expect(ids(people)).toEqual(["worst", "newer", "older", "drill"]);
  expect(answeredCases(people).map(({ episode: { episode_id } }) => episode_id)).toEqual(["had"]);
});

test("one cause is one trouble, and what only a person can mend comes first", () => {
  const unreachable = { source_name: "Dexcom", status: "unreachable" };
  const login = { status: "login_failed", silent: true, way_out: "/config" };
  const troubles = troublesOf([
    watched(person("anna", { ...unreachable, data_through: null })),
    watched(person("mila", { ...login, data_through: "2026-11-29T10:00:00Z" })),
    watched(person("tom", { ...login, data_through: "2026-11-29T09:00:00Z" })),
    watched(person("zoe")),
  ]);
  expect(troubles).toMatchObject([
    {
      cause: { status: "login_failed" },
      people: ["Mila", "Tom"],
      reach: "2026-11-29T09:00:00Z",
      wayOut: "/config",
    },
    { cause: { status: "unreachable" }, people: ["Anna"], reach: null },
  ]);
});

test("who is silent is in trouble, whatever the source answers", () => {
  const [trouble] = troublesOf([
    watched(person("mila", { silent: true, silent_reason: "no_new_data" })),
  ]);
  expect(trouble?.cause).toEqual({ status: "no_new_data", source: "Tidepool" });
});

test("of whom the user may not see nothing is said", () => {
  const hidden: Watched = { id: "x", name: "X", state: { problem: { kind: "unauthorized" } } };
  expect(troublesOf([hidden])).toEqual([]);
});

test("something is known where at least one source is believed", () => {
  const dead = watched(person("anna", { status: "unreachable" }));
  const lost = watched(person("tom"), [], { kind: "disconnected", since: new Date() });
  expect(isAnythingKnown([dead, lost])).toBe(false);
  expect(isAnythingKnown([dead, lost, watched(person("mila"))])).toBe(true);
});

test("people are listed from the worst on", () => {
  const names = worstFirst(
    [
      watched(person("zoe")),
      watched(person("bea")),
      watched(person("tom"), [
        episode("t", { needs_somebody: false, acknowledged_at: "2026-11-29T11:00:00Z" }),
      ]),
      watched(person("anna", { status: "unreachable", silent: true })),
      watched(person("kim"), [episode("k", { severity: "low" })]),
      watched(person("mila"), [episode("m", { severity: "high" })]),
    ],
    "en",
  ).map(({ name }) => name);
  expect(names).toEqual(["Mila", "Kim", "Anna", "Tom", "Bea", "Zoe"]);
});

test("a value is of the present until it ends by itself, and fades on the way", () => {
  const { glucose } = person("mila");
  if (!glucose) {
    throw new Error("she wears a sensor");
  }
  const at = (time: string): Date => new Date(`2026-11-29T${time}Z`);
  expect(isNow(glucose, at("12:12:59"))).toBe(true);
  expect(isNow(glucose, at("12:13:00"))).toBe(false);
  expect(isNow({ ...glucose, is_now: false }, at("12:00:00"))).toBe(false);
  const shades = ["11:58:00", "12:05:00", "12:13:00", "13:00:00"].map((time) =>
    freshness(glucose, at(time)),
  );
  expect(shades[0]).toBe(1);
  expect(shades[1]).toBeLessThan(1);
  expect(shades[2]).toBeGreaterThanOrEqual(0.7);
  expect(shades[3]).toBe(shades[2]);
});
