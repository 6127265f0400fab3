import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { watchPerson, type FeedState } from "../../src/data/feed";
import { eventOf, FakeConnection, person } from "../connection";

let connection: FakeConnection;

beforeEach(() => {
  vi.useFakeTimers({ now: new Date("2026-11-29T12:00:00Z") });
  connection = new FakeConnection();
});

afterEach(() => {
  vi.useRealTimers();
});

const passes = (milliseconds = 0): Promise<unknown> => vi.advanceTimersByTimeAsync(milliseconds);

function watch(hours = 0, id = "mila"): { states: FeedState[]; end: () => void } {
  const states: FeedState[] = [];
  return { states, end: watchPerson(connection, id, hours, (state) => states.push(state)) };
}

const asked = (): unknown[] => connection.subscriptions.map(({ message }) => message.hours);

const NOON = Date.UTC(2026, 10, 29, 12) / 1000;

test("all cards of a page share one subscription, with the most hours that any asks for", async () => {
  const cards = [watch(0), watch(24), watch(12)];
  await passes();
  expect(connection.subscriptions.map(({ message }) => message)).toEqual([
    { type: "care_alerts/subscribe_person", device_id: "mila", hours: 24 },
  ]);
  connection.of("mila").send(eventOf(person("mila")));
  expect(cards.map(({ states }) => states[0]?.data?.person.name)).toEqual(["Mila", "Mila", "Mila"]);
});

test("a card that comes later is told at once", async () => {
  watch();
  await passes();
  connection.of("mila").send(eventOf(person("mila")));
  const later = watch();
  expect(later.states).toHaveLength(1);
  await passes();
  expect(asked()).toEqual([0]);
});

test("more hours are asked for, and what was there stays until they come", async () => {
  const first = watch(24);
  await passes();
  connection.of("mila").send(eventOf(person("mila"), [], [[NOON - 60, null, 110, null]]));
  watch(336);
  await passes();
  expect(asked()).toEqual([24, 336]);
  expect(connection.open).toHaveLength(1);
  expect(first.states).toHaveLength(1);
  connection.subscriptions[0]?.send(eventOf(person("mila", { name: "Old" })));
  expect(first.states).toHaveLength(1);
});

test("it ends with the last card, and not when a card is moved", async () => {
  const [one, other] = [watch(), watch()];
  await passes();
  one.end();
  await passes();
  other.end();
  const moved = watch();
  await passes();
  expect(connection.open).toHaveLength(1);
  expect(asked()).toEqual([0]);
  moved.end();
  await passes();
  expect(connection.open).toHaveLength(0);
  expect(connection.listenerCount).toBe(0);
  watch();
  await passes();
  expect(asked()).toEqual([0, 0]);
});

test("readings are kept: new ones are added, those of the same second replaced, old ones go", async () => {
  const { states } = watch(1);
  await passes();
  const { send } = connection.of("mila");
  const event = (...readings: [number, number][]): void => {
    send(
      eventOf(
        person("mila"),
        [],
        readings.map(([at, value]) => [NOON + at, null, value, null]),
      ),
    );
  };
  const known = (): [number, number][] =>
    (states[states.length - 1]?.data?.readings ?? []).map(([at, , value]) => [at - NOON, value]);
  event([-3500, 100], [-600, 110]);
  event([-300, 120]);
  event([-900, 90], [-600, 111]);
  expect(known()).toEqual([
    [-3500, 100],
    [-900, 90],
    [-600, 111],
    [-300, 120],
  ]);
  await passes(200_000);
  event();
  expect(known()).toHaveLength(3);
});

test("after the connection was lost it subscribes again, and takes what it is told as the whole", async () => {
  const { states } = watch(1);
  await passes();
  connection.of("mila").send(eventOf(person("mila"), [], [[NOON - 60, null, 110, null]]));
  connection.fire("disconnected");
  expect(states[1]?.problem).toEqual({ kind: "disconnected", since: new Date() });
  expect(states[1]?.data?.person.name).toBe("Mila");
  // Home Assistant answers before our component has started.
  connection.refusals = [{ code: "unknown_command", message: "Unknown command." }];
  connection.fire("ready");
  await passes();
  expect(states[2]?.problem).toEqual({ kind: "outdated" });
  await passes(10_000);
  expect(connection.subscriptions).toHaveLength(3);
  connection.of("mila").send(eventOf(person("mila"), [], [[NOON - 30, null, 112, null]]));
  expect(states[3]?.problem).toBeUndefined();
  expect(states[3]?.data?.readings).toHaveLength(1);
});

test("who lost the right to somebody keeps nothing of them", async () => {
  const { states } = watch();
  await passes();
  connection.of("mila").send(eventOf(person("mila")));
  connection.fire("disconnected");
  connection.refusals = [{ code: "unauthorized", message: "Unauthorized" }];
  connection.fire("ready");
  await passes();
  expect(states[states.length - 1]).toEqual({ problem: { kind: "unauthorized" } });
});

test.each([
  [{ code: "not_found", message: "" }, { kind: "not_found" }],
  [
    { code: "home_assistant_error", message: "why" },
    { kind: "failed", reason: "why" },
  ],
  [3, { kind: "failed", reason: "3" }],
])("a refusal is known by its kind: %j", async (refusal, problem) => {
  connection.refusals = [refusal];
  const { states } = watch();
  await passes();
  expect(states).toEqual([{ problem }]);
});
