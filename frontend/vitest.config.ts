import { defineConfig } from "vitest/config";

import { offered } from "./offered.js";

// The home of the tests is elsewhere.
process.env.TZ = "UTC";

export default defineConfig({
  define: await offered(),
  test: { include: ["test/**/*.test.ts"], restoreMocks: true },
});
