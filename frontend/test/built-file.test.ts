import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

import { BUILT, bundle } from "../build.js";

test("the file that browsers load is what the sources give", async () => {
  const made = await bundle();
  expect(await bundle()).toBe(made);
  expect((await readFile(BUILT, "utf8")) === made, "scripts/lint --fix builds it").toBe(true);
});
