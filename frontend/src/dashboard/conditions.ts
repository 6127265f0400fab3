/** Conditions under which a card shows, as the frontend has them. */
import type { Config } from "../home-assistant";

/** What these conditions see in an attribute that is null or missing. */
export const NOTHING = "unknown";

export const stateIs = (entity: string, state: string): Config => ({
  condition: "state",
  entity,
  state,
});

export const attributeIs = (entity: string, attribute: string, state: string): Config => ({
  condition: "state",
  entity,
  attribute,
  state,
});

export const above = (entity: string, number: number): Config => ({
  condition: "numeric_state",
  entity,
  above: number,
});

export const either = (...conditions: Config[]): Config => ({ condition: "or", conditions });

export const unless = (...conditions: Config[]): Config => ({ condition: "not", conditions });
