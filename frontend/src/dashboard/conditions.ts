/** Conditions under which a card shows, as the frontend has them. */
import type { Config } from "../home-assistant";

export const stateIs = (entity: string, state: string): Config => ({
  condition: "state",
  entity,
  state,
});

export const unless = (...conditions: Config[]): Config => ({ condition: "not", conditions });
