/**
 * What somebody may have called something, fit for a template and for what it renders to, which is read as Markdown and
 * HTML: it is none of these. What only a template knows goes through its `literal`.
 */
export const escapeMarkdown = (text: string): string =>
  text.replace(/[^\p{L}\p{N} ]/gu, (character) => `&#${character.codePointAt(0) ?? 0};`);
