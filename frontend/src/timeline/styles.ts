import { css } from "lit";

export const styles = css`
  div {
    padding: 12px 16px 16px;
    color: var(--primary-text-color);
    font-size: var(--ha-font-size-m, 14px);
  }
  h2 {
    margin: 0;
    font-size: var(--ha-font-size-l, 16px);
    font-weight: var(--ha-font-weight-medium, 500);
  }
  h3 {
    margin: 12px 0 2px;
    font-size: inherit;
    font-weight: var(--ha-font-weight-medium, 500);
    color: var(--secondary-text-color);
  }
  p {
    margin: 8px 0 0;
    color: var(--secondary-text-color);
  }
  article {
    display: grid;
    grid-template-columns: max-content 24px 1fr;
    column-gap: 8px;
    padding: 6px 0;
    align-items: start;
  }
  article + article {
    border-top: 1px solid var(--divider-color);
  }
  time {
    font-variant-numeric: tabular-nums;
    white-space: nowrap;
  }
  ha-icon {
    --mdc-icon-size: 20px;
  }
  .high {
    color: var(--error-color);
  }
  .medium {
    color: var(--warning-color);
  }
  .low {
    color: var(--info-color);
  }
  small {
    display: block;
    font-size: var(--ha-font-size-s, 12px);
    color: var(--secondary-text-color);
  }
`;
