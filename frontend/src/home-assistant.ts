/** What we use of Home Assistant as its frontend hands it out. */

export interface EntityEntry {
  entity_id: string;
  platform: string;
  name?: string | null;
  device_id?: string | null;
  translation_key?: string;
  hidden?: boolean;
}

export interface DeviceEntry {
  id: string;
  name: string | null;
  name_by_user: string | null;
  /** Of ours: what the source is called. */
  manufacturer: string | null;
  /** The device of the source, at a person's. */
  via_device_id: string | null;
}

export interface EntityState {
  state: string;
  last_updated: string;
  attributes: Record<string, unknown>;
}

export interface Locale {
  language: string;
  time_format: "language" | "system" | "12" | "24";
  time_zone: "local" | "server";
}

/** A text of the backend's translations by its full key; "" if there is none. */
export type BackendLocalize = (key: string, values?: Record<string, string | number>) => string;

/** The websocket, as home-assistant-js-websocket has it. */
export interface Connection {
  subscribeMessage(
    callback: (event: unknown) => void,
    message: Record<string, unknown>,
    options?: { resubscribe?: boolean },
  ): Promise<() => Promise<void> | void>;
  addEventListener(type: "ready" | "disconnected", listener: () => void): void;
  removeEventListener(type: "ready" | "disconnected", listener: () => void): void;
}

export interface Hass {
  connection: Connection;
  entities: Record<string, EntityEntry>;
  devices: Record<string, DeviceEntry | undefined>;
  states: Record<string, EntityState | undefined>;
  config: { time_zone: string };
  locale: Locale;
  /** Another object when colours change. */
  themes?: unknown;
  loadBackendTranslation(category: string, integration: string): Promise<BackendLocalize>;
  callWS<Answer>(message: Record<string, unknown>): Promise<Answer>;
}

/** A card, row, badge, section, view or dashboard as Home Assistant has it in YAML. */
export type Config = Record<string, unknown>;
