/** Home Assistant's own cards, as this dashboard uses them. */
import type { Config, DeviceEntry } from "../home-assistant";
import { deviceName } from "../registry-view";

export const WIDE = { grid_options: { columns: "full" } } as const;

/** An entity by its own name: its device's stands above. */
export const OWN_NAME = { name: { type: "entity" } } as const;

/** A text that Home Assistant renders. */
export const textCard = (content: string, more: Config = {}): Config => ({
  type: "markdown",
  text_only: true,
  content,
  ...WIDE,
  ...more,
});

/** An entity's state, on the width of a section: half of it cuts what is longer in another language. */
export const tileCard = (entity: string, more: Config = {}): Config => ({
  type: "tile",
  entity,
  ...OWN_NAME,
  ...WIDE,
  ...more,
});

interface Action {
  /** "domain.service", called for the tile's entity. */
  action: string;
  icon: string;
  /** What the tile is called; its entity's own name without. */
  name?: string;
  data?: Config;
  /** What is asked first. */
  confirmation?: string;
}

/** A tile that does something when it is touched. */
export function actionTile(
  entity: string,
  { action, icon, name, data, confirmation }: Action,
  more: Config = {},
): Config {
  const perform = {
    action: "perform-action",
    perform_action: action,
    target: { entity_id: entity },
    ...(data && { data }),
    ...(confirmation && { confirmation: { text: confirmation } }),
  };
  return tileCard(entity, {
    ...(name ? { name } : OWN_NAME),
    icon,
    color: "primary",
    hide_state: true,
    tap_action: perform,
    icon_tap_action: perform,
    ...more,
  });
}

/** The name of somebody or of a source. */
export const headingCard = (device: DeviceEntry, icon: string): Config => ({
  type: "heading",
  heading: deviceName(device),
  icon,
});

export const subtitleCard = (heading: string): Config => ({
  type: "heading",
  heading_style: "subtitle",
  heading,
});
