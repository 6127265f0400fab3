import { expect, test } from "vitest";

import {
  answeredCases,
  delayedPeople,
  isAnythingKnown,
  needingCases,
  troublesOf,
  worstFirst,
  type Watched,
} from "../../src/cards/people";
import { asOne } from "../../src/cards/same";
import { witnessesText } from "../../src/cards/wording";
import type { Episode, Person } from "../../src/data/model";
import { episode, person } from "../connection";
import { wordingAt } from "../home";

const watched = (of: Person, ...episodes: Episode[]): Watched => ({
  id: of.device_id,
  name: of.name,
  state: { data: { person: of, episodes, readings: [] } },
});

const SAME = { same_as: ["dexcom", "tidepool"], name: "Mila" };
const LATE = person("dexcom", {
  ...SAME,
  source: "dexcom",
  source_name: "Dexcom",
  is_delayed: true,
});
const LIVE = person("tidepool", { ...SAME, source: "tidepool", source_name: "Tidepool" });

const live = episode("low", {
  is_worst: false,
  opened_at: "2026-11-29T01:41:00Z",
  received_at: "2026-11-29T01:41:20Z",
});
const late = episode("low", {
  severity: "high",
  alert_type: "urgent_low",
  opened_at: "2026-11-29T01:39:00Z",
  received_at: "2026-11-29T03:05:00Z",
  last_seen_at: "2026-11-29T01:39:00Z",
  source: "Dexcom",
  is_live: false,
  unit: "mg/dL",
  first: { value: 52, out_of_range: null },
  late: true,
});
const own = episode("rise", { source: "Dexcom", opened_at: "2026-11-29T00:10:00Z" });

test("whom several sources have is one, with who speaks of the present first", () => {
  const people = asOne([watched(LATE, own, late), watched(person("tom")), watched(LIVE, live)]);
  expect(people.map(({ id }) => id)).toEqual(["tidepool", "tom"]);
  expect(people[0]?.also?.map(({ id }) => id)).toEqual(["dexcom"]);
  const episodes = people[0]?.state.data?.episodes ?? [];
  expect(episodes.map(({ episode_id }) => episode_id)).toEqual(["rise", "low"]);
});

test("what all have seen is one, as the one with the worst has it, with each as a witness", () => {
  const [low] = needingCases(asOne([watched(LATE, late), watched(LIVE, live)]));
  expect(low?.episode).toMatchObject({
    alert_type: "urgent_low",
    severity: "high",
    opened_at: late.opened_at,
    received_at: live.received_at,
    late: false,
    unit: "mg/dL",
    // In the unit of whoever is shown.
    first: late.first,
  });
  const text = witnessesText(wordingAt(new Date("2026-11-29T04:00:00Z")), low?.episode ?? live);
  expect(text).toBe("Tidepool 02:41 live; Dexcom 02:39, arrived 04:05");
  expect(needingCases([watched(LIVE, live)])[0]?.episode.witnesses).toBeUndefined();
});

test("a source names a thing once, as it first said it", () => {
  const urgent = { ...live, alert_type: "urgent_low", opened_at: "2026-11-29T01:30:00Z" };
  const [low] = needingCases(asOne([watched(LIVE, live, urgent), watched(LATE, late)]));
  expect(low?.episode.witnesses?.map(({ opened_at }) => opened_at)).toEqual([
    urgent.opened_at,
    late.opened_at,
  ]);
});

test("the newest value of any source is shown, in its unit", () => {
  const glucose = {
    value: 70,
    trend: null,
    out_of_range: null,
    observed_at: "2026-11-29T11:59:00Z",
    received_at: null,
    is_now: false,
    until: null,
  };
  const [mila] = asOne([watched(LIVE), watched({ ...LATE, unit: "mg/dL", glucose })]);
  expect(mila?.state.data?.person).toMatchObject({ device_id: "tidepool", unit: "mg/dL", glucose });
});

test("each source goes on having its own trouble, and its own reach", () => {
  const lost = { ...LIVE, status: "login_failed", silent: true };
  const people = asOne([watched(lost), watched(LATE)]);
  expect(troublesOf(people)).toMatchObject([{ people: ["Mila"], cause: { source: "Tidepool" } }]);
  expect(delayedPeople(people)).toHaveLength(1);
  expect(isAnythingKnown(people)).toBe(true);
  const tom = watched(person("tom"));
  expect(worstFirst([tom, ...people], "en").map(({ name }) => name)).toEqual(["Mila", "Tom"]);
});

test("of which nothing is known yet is by itself", () => {
  const unknown: Watched = { id: "dexcom", name: "Mila", state: {} };
  const people = asOne([unknown, watched(LIVE, live)]);
  expect(people.map(({ id }) => id)).toEqual(["dexcom", "tidepool"]);
  expect(answeredCases(people)).toEqual([]);
});
