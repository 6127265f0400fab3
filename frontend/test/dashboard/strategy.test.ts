// @vitest-environment happy-dom
import { expect, test } from "vitest";

import { CareAlertsDashboard } from "../../src/dashboard/strategy";
import type { Config, Hass } from "../../src/home-assistant";
import { device, DEVICES, ENTITIES, entity, home, last, state } from "../home";

interface View {
  path?: string;
  sections: { cards: Config[] }[];
}

async function viewsOf(hass: Hass): Promise<View[]> {
  const { views } = await CareAlertsDashboard.generate({}, hass);
  return views as View[];
}

const headings = ({ sections }: View): unknown[] =>
  sections.flatMap(({ cards }) =>
    cards
      .filter(({ type, heading_style }) => type === "heading" && heading_style !== "subtitle")
      .map(({ heading }) => heading),
  );

test("first comes who needs somebody, then how all are, before anything else", async () => {
  const [now] = await viewsOf(home());
  expect(now?.sections[0]?.cards).toMatchObject([
    { type: "custom:care-alerts-needs-you" },
    { type: "custom:care-alerts-person", has_views: true },
  ]);
  expect(now?.sections[0]?.cards[0]).not.toHaveProperty("people");
});

test("of whom a user may not see nothing is there", async () => {
  const states = { "binary_sensor.anna_low": state("on") };
  const views = await viewsOf(home({ states }));
  expect(JSON.stringify(views)).not.toMatch(/maria/i);
  expect(JSON.stringify(views)).toContain("anna");
});

test("people come first, then their sources, then what this is not", async () => {
  const [now, details] = await viewsOf(home());
  expect(now && headings(now)).toEqual(["Anna", "Maria", "Dexcom", "Lumen"]);
  expect(details && headings(details)).toEqual(["Anna", "Maria"]);
  const about = last(last(now?.sections ?? [])?.cards ?? []);
  expect(about?.content).toContain("not a medical device");
});

test("each person has a view of their own, where a notification leads", async () => {
  const [, , , anna, maria] = await viewsOf(home());
  expect(anna).toMatchObject({ path: "anna", title: "Anna", subview: true });
  expect(maria && headings(maria)).toEqual(["Maria"]);
  const types = anna?.sections.flatMap(({ cards }) => cards.map(({ type }) => type));
  expect(types?.slice(0, 5)).toEqual([
    "custom:care-alerts-needs-you",
    "custom:care-alerts-person",
    "custom:care-alerts-glucose",
    "heading",
    "custom:care-alerts-timeline",
  ]);
});

test("the household is no source", async () => {
  const more = [
    entity("house", "sensor", "on_duty"),
    entity("house", "binary_sensor", "may_not_be_heard"),
    entity("house", "sensor", "next_step"),
    entity("house", "sensor", "last_drill"),
    entity("house", "switch", "plan"),
    entity("house", "button", "drill"),
  ];
  const [now] = await viewsOf(
    home({ devices: [...DEVICES, device("house", "Household")], entities: [...ENTITIES, ...more] }),
  );
  expect(now && headings(now)).toEqual(["Anna", "Maria", "Household", "Dexcom", "Lumen"]);
  const { cards } = now?.sections[3] ?? { cards: [] };
  const shown = cards.map(({ type, entity: of }) => of ?? type);
  expect(shown).toEqual([
    "heading",
    "markdown",
    "sensor.house_on_duty",
    "markdown",
    "markdown",
    "switch.house_plan",
    "button.house_drill",
    "sensor.house_last_drill",
    "markdown",
  ]);
});

test("without a source it says where to begin", async () => {
  const views = await viewsOf(home({ entities: [], devices: [] }));
  expect(views).toHaveLength(1);
  const contents = views[0]?.sections[0]?.cards.map(({ content }) => content);
  expect(contents?.[0]).toContain("No source is set up yet.");
  expect(contents?.[1]).toContain("not a medical device");
});

test("the two timelines of a person differ in their days alone", async () => {
  const [now, details] = await viewsOf(home());
  const timelines = [now, details].map((view) =>
    view?.sections
      .flatMap(({ cards }) => cards)
      .find(({ type }) => type === "custom:care-alerts-timeline"),
  );
  expect(timelines[0]).toEqual({
    type: "custom:care-alerts-timeline",
    device_id: "anna",
    days: 3,
    grid_options: { columns: "full" },
  });
  expect(timelines[1]).toEqual({ ...timelines[0], days: 10 });
});

test("whom several sources have has one section, with the curve of each, and a view for each", async () => {
  const devices = [...DEVICES, device("mila", "Anna", { via_device_id: "lumen" })];
  const entities = [...ENTITIES, entity("mila", "sensor", "glucose")];
  const hass = {
    ...home({ devices, entities }),
    callWS: <Answer>(): Promise<Answer> => Promise.resolve([["mila", "anna"]] as Answer),
  };
  const views = await viewsOf(hass);
  expect(views[0] && headings(views[0])).toEqual(["Anna", "Maria", "Dexcom", "Lumen"]);
  const curves = views[0]?.sections[1]?.cards.filter(
    ({ type }) => type === "custom:care-alerts-glucose",
  );
  expect(curves?.map(({ device_id }) => device_id)).toEqual(["mila", "anna"]);
  expect(views.map(({ path }) => path)).toEqual(expect.arrayContaining(["mila", "anna"]));
  // All there is about them is in one place, under the name of each source.
  const [, details, report, anna] = views;
  expect(details && headings(details)).toEqual(["Anna", "Maria"]);
  const [first, alone] = details?.sections ?? [];
  const titles = (cards: Config[] = []): unknown[] =>
    cards.filter(({ heading_style }) => heading_style).map(({ heading }) => heading);
  expect(titles(first?.cards)).toEqual(
    expect.arrayContaining(["Lumen · Details", "Dexcom · Details"]),
  );
  expect(first?.cards.filter(({ type }) => type === "custom:care-alerts-timeline")).toHaveLength(1);
  expect(titles(alone?.cards)[0]).toBe("Details");
  expect(titles(anna?.sections[1]?.cards)).toEqual(titles(first?.cards));
  expect(report?.sections).toHaveLength(2);
});
