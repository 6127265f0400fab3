import { expect, test } from "vitest";

import { escapeMarkdown } from "../src/markdown";

test.each([
  '"></ha-alert><img src=https://evil.example/p.png><h1>Over',
  "![](https://evil.example/p.png) [All is well](https://evil.example)\n\n# Over",
  "{{ 7 * 7 }}{% raw %} `code` *all* _is_ ~well~ | a",
  "&lt;script&gt; &#60;",
  "Zoë, 愛, 👨‍👩‍👧 & Σ²",
])("%s is no markup, and read as it was written", (text) => {
  const escaped = escapeMarkdown(text);
  expect(escaped).toMatch(/^(?:[\p{L}\p{N} ]|&#\d+;)+$/u);
  const read = escaped.replace(/&#(\d+);/g, (_, code: string) =>
    String.fromCodePoint(Number(code)),
  );
  expect(read).toBe(text);
});
