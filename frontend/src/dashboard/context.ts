import type { Locale } from "../home-assistant";
import type { Localize } from "../localize";
import type { RegistryView } from "../registry-view";

/** What a dashboard is made of. */
export interface Context {
  registry: RegistryView;
  localize: Localize;
  locale: Locale;
  /** Whom several sources have: the devices of what each has of them. */
  same: string[][];
}
