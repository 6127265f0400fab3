/** A websocket to test with, and a person of whom it tells. */
import type { Episode, Person, PersonEvent } from "../src/data/model";
import type { Connection } from "../src/home-assistant";

export interface Subscription {
  message: Record<string, unknown>;
  /** Send an event. */
  send: (event: PersonEvent) => void;
  isOver: boolean;
}

type Listener = () => void;

export class FakeConnection implements Connection {
  readonly subscriptions: Subscription[] = [];
  /** What the next subscriptions are refused with, in their order. */
  refusals: unknown[] = [];
  private readonly listeners = { ready: new Set<Listener>(), disconnected: new Set<Listener>() };

  subscribeMessage(
    callback: (event: unknown) => void,
    message: Record<string, unknown>,
    options?: { resubscribe?: boolean },
  ): Promise<() => void> {
    if (options?.resubscribe !== false) {
      throw new Error("it would subscribe twice after a reconnect");
    }
    const subscription: Subscription = {
      message,
      send: (event) => {
        callback(event);
      },
      isOver: false,
    };
    this.subscriptions.push(subscription);
    const refusal = this.refusals.shift();
    return refusal
      ? // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- as the library does
        Promise.reject(refusal)
      : Promise.resolve(() => {
          subscription.isOver = true;
        });
  }

  addEventListener(type: "ready" | "disconnected", listener: Listener): void {
    this.listeners[type].add(listener);
  }

  removeEventListener(type: "ready" | "disconnected", listener: Listener): void {
    this.listeners[type].delete(listener);
  }

  /** The connection is lost, or is there again. */
  fire(type: "ready" | "disconnected"): void {
    for (const listener of [...this.listeners[type]]) {
      listener();
    }
  }

  get listenerCount(): number {
    return this.listeners.ready.size + this.listeners.disconnected.size;
  }

  /** Those that go on. */
  get open(): Subscription[] {
    return this.subscriptions.filter(({ isOver }) => !isOver);
  }

  /** The newest subscription to a person. */
  of(deviceId: string): Subscription {
    const found = [...this.subscriptions]
      .reverse()
      .find((one) => one.message.device_id === deviceId);
    if (!found) {
      throw new Error(`nobody asked for ${deviceId}`);
    }
    return found;
  }
}

/** Somebody who wears a live sensor: 6.1 mmol/L two minutes before noon. */
export const person = (device_id: string, more: Partial<Person> = {}): Person => ({
  device_id,
  name: device_id.charAt(0).toUpperCase() + device_id.slice(1),
  source: "tidepool",
  source_name: "Tidepool",
  status: "ok",
  silent: false,
  silent_reason: null,
  data_through: "2026-11-29T11:58:00Z",
  delay: 20,
  is_delayed: false,
  unit: "mmol/L",
  glucose: {
    value: 6.1,
    trend: "steady",
    out_of_range: null,
    observed_at: "2026-11-29T11:58:00Z",
    received_at: "2026-11-29T11:58:20Z",
    is_now: true,
    until: "2026-11-29T12:13:00Z",
  },
  thresholds: [],
  on_duty: [],
  same_as: [],
  way_out: null,
  ...more,
});

/** An episode that goes on and needs somebody. */
export const episode = (episode_id: string, more: Partial<Episode> = {}): Episode => ({
  episode_id,
  ids: [episode_id],
  alert_type: "low",
  subtype: null,
  severity: "medium",
  drill: false,
  opened_at: "2026-11-29T11:40:00Z",
  received_at: "2026-11-29T11:40:20Z",
  last_seen_at: "2026-11-29T11:55:00Z",
  ended_at: null,
  end_reason: null,
  is_open: true,
  late: false,
  handled_on_device_at: null,
  acknowledged_by: null,
  acknowledged_at: null,
  snoozed_until: null,
  needs_somebody: true,
  entity_id: "binary_sensor.mila_low",
  value: 3.6,
  out_of_range: null,
  trend: null,
  first: { value: 3.9, out_of_range: null },
  unit: "mmol/L",
  is_worst: true,
  source: "Tidepool",
  is_live: true,
  ...more,
});

export const eventOf = (
  of: Person,
  episodes: Episode[] = [],
  readings: PersonEvent["readings"] = [],
): PersonEvent => ({ person: of, episodes, readings });
