import { DOMAIN } from "../const";
import type { Connection } from "../home-assistant";
import type { Episode, Person, PersonEvent, Reading } from "./model";
import { mergeReadings } from "./readings";

/** Ours: soon enough after a restart, and seldom enough for a server that keeps refusing. */
const ASK_AGAIN_MS = 10_000;

export interface PersonData {
  person: Person;
  /** Oldest first. */
  episodes: readonly Episode[];
  /** Oldest first. */
  readings: readonly Reading[];
}

/** Why nothing newer comes than what is shown. */
export type Problem =
  | { kind: "disconnected"; since: Date }
  /** The component does not know the command: it is older than this file, or still starts. */
  | { kind: "outdated" }
  /** This user may not read of the person. */
  | { kind: "unauthorized" }
  | { kind: "not_found" }
  | { kind: "failed"; reason: string };

/** What is known of a person: nothing yet, or the last there was, which a problem may make old. */
export interface FeedState {
  data?: PersonData;
  problem?: Problem;
}

export type Listener = (state: FeedState) => void;

type Unsubscribe = () => Promise<void> | void;

/**
 * One subscription to a person for all who listen on this page, with the most hours that any of them asks for.
 *
 * It is made anew after the connection was lost: Home Assistant's own way would end for good at a server that still
 * starts and does not know the command yet.
 */
class Feed {
  state: FeedState = {};
  private readonly listeners = new Map<Listener, number>();
  private hours = -1;
  /** Counts subscriptions: what an older one still says is not heard. */
  private current = 0;
  private unsubscribe: Unsubscribe | undefined;
  private settling: ReturnType<typeof setTimeout> | undefined;
  private again: ReturnType<typeof setTimeout> | undefined;
  private readonly connection: Connection;
  private readonly deviceId: string;
  private readonly onIdle: () => void;

  constructor(connection: Connection, deviceId: string, onIdle: () => void) {
    this.connection = connection;
    this.deviceId = deviceId;
    this.onIdle = onIdle;
    connection.addEventListener("ready", this.onReady);
    connection.addEventListener("disconnected", this.onDisconnected);
  }

  add(listener: Listener, hours: number): () => void {
    this.listeners.set(listener, hours);
    this.settleSoon();
    if (this.state.data || this.state.problem) {
      listener(this.state);
    }
    return () => {
      this.listeners.delete(listener);
      this.settleSoon();
    };
  }

  /** All cards of a view come or go in one go: what they ask for together is asked once. */
  private settleSoon(): void {
    clearTimeout(this.settling);
    this.settling = setTimeout(() => {
      const hours = Math.max(-1, ...this.listeners.values());
      if (hours < 0) {
        this.close();
      } else if (hours > this.hours) {
        this.hours = hours;
        this.open();
      }
    });
  }

  private open(): void {
    clearTimeout(this.again);
    this.drop();
    const mine = this.current;
    let isFirst = true;
    this.connection
      .subscribeMessage(
        (event) => {
          if (mine === this.current) {
            this.receive(event as PersonEvent, isFirst);
            isFirst = false;
          }
        },
        { type: `${DOMAIN}/subscribe_person`, device_id: this.deviceId, hours: this.hours },
        { resubscribe: false },
      )
      .then(
        (unsubscribe) => {
          if (mine === this.current) {
            this.unsubscribe = unsubscribe;
          } else {
            void end(unsubscribe);
          }
        },
        (error: unknown) => {
          if (mine === this.current) {
            this.fail(problemOf(error));
          }
        },
      );
  }

  private receive({ person, episodes, readings }: PersonEvent, isFirst: boolean): void {
    const since = Date.now() / 1000 - this.hours * 3600;
    const known = isFirst ? [] : (this.state.data?.readings ?? []);
    this.show({ data: { person, episodes, readings: mergeReadings(known, readings, since) } });
  }

  private fail(problem: Problem): void {
    // Who may not read of somebody any more, or of whom there is nothing, is shown nothing of before either.
    const goesOn = problem.kind !== "unauthorized" && problem.kind !== "not_found";
    const { data } = this.state;
    this.show({ problem, ...(goesOn && data && { data }) });
    this.again = setTimeout(() => {
      this.open();
    }, ASK_AGAIN_MS);
  }

  private show(state: FeedState): void {
    this.state = state;
    for (const listener of [...this.listeners.keys()]) {
      listener(state);
    }
  }

  private readonly onReady = (): void => {
    if (this.hours >= 0) {
      this.open();
    }
  };

  private readonly onDisconnected = (): void => {
    // The server has forgotten the subscription.
    this.current += 1;
    this.unsubscribe = undefined;
    clearTimeout(this.again);
    if (this.state.problem?.kind !== "disconnected") {
      this.show({ ...this.state, problem: { kind: "disconnected", since: new Date() } });
    }
  };

  private drop(): void {
    this.current += 1;
    if (this.unsubscribe) {
      void end(this.unsubscribe);
      this.unsubscribe = undefined;
    }
  }

  private close(): void {
    this.drop();
    clearTimeout(this.again);
    this.connection.removeEventListener("ready", this.onReady);
    this.connection.removeEventListener("disconnected", this.onDisconnected);
    this.onIdle();
  }
}

const feeds = new WeakMap<Connection, Map<string, Feed>>();

/**
 * Hear of a person: what is known of them at once, and whatever changes. `hours`: how far back readings and ended
 * episodes are wanted. Returns what ends it.
 */
export function watchPerson(
  connection: Connection,
  deviceId: string,
  hours: number,
  listener: Listener,
): () => void {
  const known = feeds.get(connection) ?? new Map<string, Feed>();
  feeds.set(connection, known);
  let feed = known.get(deviceId);
  if (!feed) {
    feed = new Feed(connection, deviceId, () => known.delete(deviceId));
    known.set(deviceId, feed);
  }
  return feed.add(listener, hours);
}

/** What cannot be ended is over already: the connection was lost. */
async function end(unsubscribe: Unsubscribe): Promise<void> {
  try {
    await unsubscribe();
  } catch {
    // Nothing is left to do.
  }
}

function problemOf(error: unknown): Problem {
  const { code, message } = error as { code?: string | number; message?: string };
  switch (code) {
    case "unknown_command":
      return { kind: "outdated" };
    case "unauthorized":
    case "not_found":
      return { kind: code };
    default:
      return { kind: "failed", reason: message ?? String(code ?? error) };
  }
}
