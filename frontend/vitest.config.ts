import { defineConfig } from "vitest/config";

// The home of the tests is elsewhere.
process.env.TZ = "UTC";

export default defineConfig({
  test: { include: ["test/**/*.test.ts"], restoreMocks: true },
});
