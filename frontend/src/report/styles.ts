import { css } from "lit";

import { buttons } from "../buttons";

/**
 * Letters may be twice as large, and the card 300 px narrow: where five columns of words do not fit (ours: 26 letters' height),
 * each line of a table is a paragraph. On paper all is black.
 */
export const styles = css`
  ${buttons}
  :host([hidden]) {
    display: none;
  }
  article {
    padding: 12px 16px 16px;
    color: var(--primary-text-color, #000);
    font-size: var(--ha-font-size-m, 14px);
    line-height: 1.4;
    overflow-wrap: anywhere;
    container-type: inline-size;
  }
  h2,
  h3,
  p {
    margin: 0;
  }
  h2 {
    font-size: var(--ha-font-size-l, 16px);
    font-weight: var(--ha-font-weight-medium, 500);
  }
  h3 {
    margin-top: 16px;
    font-size: inherit;
    font-weight: var(--ha-font-weight-medium, 500);
  }
  p {
    margin-top: 4px;
  }
  small,
  .aside {
    font-size: var(--ha-font-size-s, 12px);
    color: var(--secondary-text-color, #333);
  }
  .also {
    display: block;
  }
  .buttons + p {
    margin-top: 12px;
  }
  .buttons {
    display: flex;
    flex-wrap: wrap;
    gap: 8px;
    margin: 12px 0 0;
  }
  button[aria-pressed="true"] {
    background: var(--primary-text-color);
    border-color: var(--primary-text-color);
    color: var(--ha-card-background, var(--card-background-color, #fff));
  }
  button:focus-visible {
    outline: 3px solid var(--primary-text-color);
    outline-offset: 2px;
  }
  table {
    width: 100%;
    margin-top: 4px;
    border-collapse: collapse;
    font-variant-numeric: tabular-nums;
  }
  th,
  td {
    padding: 4px 4px 4px 0;
    border-top: 1px solid var(--divider-color, #999);
    text-align: start;
    vertical-align: top;
    font-weight: inherit;
    overflow-wrap: break-word;
  }
  thead th {
    border: 0;
    font-size: var(--ha-font-size-s, 12px);
    color: var(--secondary-text-color, #333);
  }
  @supports not (container-type: inline-size) {
    thead th {
      overflow-wrap: anywhere;
    }
  }
  @container (max-width: 26em) {
    table,
    tbody,
    tr,
    tbody th {
      display: block;
    }
    thead {
      position: absolute;
      clip-path: inset(50%);
      width: 1px;
      height: 1px;
      overflow: hidden;
      white-space: nowrap;
    }
    tr {
      padding: 4px 0;
      border-top: 1px solid var(--divider-color, #999);
    }
    tbody th,
    td {
      padding: 0;
      border: 0;
    }
    tbody th {
      font-weight: var(--ha-font-weight-medium, 500);
    }
    td {
      display: inline-block;
      margin-inline-end: 12px;
    }
    td::before {
      content: attr(data-column) ": ";
      content: attr(data-column) ": " / "";
      font-size: var(--ha-font-size-s, 12px);
      color: var(--secondary-text-color, #333);
    }
  }
  @media print {
    ha-card {
      border: 0;
      box-shadow: none;
    }
    article {
      padding: 0;
      color: #000;
      font: 10.5pt/1.35 system-ui, sans-serif;
    }
    h2,
    h3 {
      font-weight: bold;
    }
    h2 {
      font-size: 15pt;
    }
    h3 {
      break-after: avoid;
    }
    tr {
      break-inside: avoid;
    }
    thead th,
    small,
    .aside {
      font-size: 9pt;
      color: #333;
    }
    .screen {
      display: none;
    }
  }
`;
