import { css } from "lit";

import { buttons } from "../buttons";

/** Colours only repeat what words and shapes say. Letters may be twice as large, and the card 300 px narrow. */
export const styles = css`
  ${buttons}
  :host([hidden]) {
    display: none;
  }
  ha-card {
    color: var(--primary-text-color);
    font-size: var(--ha-font-size-m, 14px);
    line-height: 1.4;
    overflow-wrap: break-word;
  }
  section {
    padding: 12px 16px;
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 12px;
  }
  h2,
  p,
  ul {
    margin: 0;
    padding: 0;
  }
  h2 {
    font-size: var(--ha-font-size-l, 16px);
    font-weight: var(--ha-font-weight-medium, 500);
  }
  a {
    color: inherit;
    text-decoration: underline;
    text-underline-offset: 2px;
  }
  a:focus-visible,
  button:focus-visible,
  summary:focus-visible,
  [tabindex]:focus-visible {
    outline: 3px solid var(--primary-text-color);
    outline-offset: 2px;
  }
  .aside,
  .reach,
  small {
    font-size: var(--ha-font-size-s, 12px);
    color: var(--secondary-text-color);
  }
  .unseen {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip: rect(0 0 0 0);
    white-space: nowrap;
  }
  ha-icon {
    --mdc-icon-size: 22px;
    flex: none;
  }
  .aside ha-icon,
  .trouble ha-icon,
  .failure ha-icon {
    --mdc-icon-size: 16px;
    margin-inline-end: 4px;
    vertical-align: text-bottom;
  }
  .high > ha-icon,
  ha-icon.high,
  .failure ha-icon {
    color: var(--error-color);
  }
  .medium > ha-icon,
  ha-icon.medium,
  .trouble ha-icon {
    color: var(--warning-color);
  }
  .low > ha-icon,
  ha-icon.low {
    color: var(--info-color);
  }
  article {
    display: grid;
    grid-template-columns: max-content minmax(0, 1fr);
    column-gap: 10px;
    row-gap: 6px;
  }
  .need {
    padding-inline-start: 10px;
    border-inline-start: 4px solid var(--divider-color);
  }
  .need.high {
    border-color: var(--error-color);
  }
  .need.medium {
    border-color: var(--warning-color);
  }
  .need.low {
    border-color: var(--info-color);
  }
  details > article {
    margin-top: 12px;
  }
  summary {
    min-height: 32px;
    cursor: pointer;
  }
  .buttons {
    grid-column: 1 / -1;
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
  }
  .answered {
    font-size: var(--ha-font-size-s, 12px);
  }
  .answered button {
    grid-column: 2;
    justify-self: start;
  }
  button.main,
  button[aria-pressed="true"] {
    background: var(--primary-text-color);
    border-color: var(--primary-text-color);
    color: var(--ha-card-background, var(--card-background-color, #fff));
  }
  button:disabled {
    cursor: default;
    opacity: 0.5;
  }
  ul {
    list-style: none;
  }
  .person {
    display: grid;
    grid-template-columns: max-content minmax(0, 1fr);
    column-gap: 10px;
    align-items: center;
    padding: 6px 16px;
  }
  .person > div {
    display: flex;
    flex-wrap: wrap;
    justify-content: space-between;
    align-items: baseline;
    column-gap: 8px;
  }
  .person + .person {
    border-top: 1px solid var(--divider-color);
  }
  .name {
    font-weight: var(--ha-font-weight-medium, 500);
  }
  .name a {
    text-decoration: none;
    padding: 4px 0;
  }
  .person > .aside {
    grid-column: 2;
  }
  .value {
    text-align: end;
  }
  .number {
    font-size: var(--ha-font-size-xl, 20px);
    font-weight: var(--ha-font-weight-medium, 500);
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }
  s.number {
    font-size: var(--ha-font-size-l, 16px);
    color: var(--secondary-text-color);
  }
  .trouble b {
    font-weight: var(--ha-font-weight-medium, 500);
  }
`;
