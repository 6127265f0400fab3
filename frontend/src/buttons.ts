import { css } from "lit";

/** A button of all cards: 44 px, which a thumb finds. */
export const buttons = css`
  button {
    flex: 1 1 auto;
    min-height: 44px;
    min-width: 44px;
    padding: 4px 16px;
    border: 1px solid var(--secondary-text-color);
    border-radius: 24px;
    background: transparent;
    color: inherit;
    font: inherit;
    font-weight: var(--ha-font-weight-medium, 500);
    cursor: pointer;
  }
`;
