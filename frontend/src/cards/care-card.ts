import { LitElement } from "lit";
import { state } from "lit/decorators/state.js";

import { watchPerson, type FeedState } from "../data/feed";
import type { Hass } from "../home-assistant";
import { loadTexts, type Texts } from "../localize";
import { deviceName } from "../registry-view";
import { clockOf, type Clock } from "../time";
import type { Watched } from "./people";
import { asOne } from "./same";
import type { Wording } from "./wording";

/** Ours: an age is said in whole minutes, and is never wrong by more than this. */
const TICK_MS = 15_000;

/** What of Home Assistant changes what a card shows, besides the people themselves. */
const SHOWN = ["connection", "locale", "config", "entities", "devices", "themes"] as const;

/** A card about people, whose ages go on counting: it hears of them, and is drawn again when something has changed. */
export abstract class CareCard extends LitElement {
  /** Home Assistant takes a hidden card out of the page otherwise: it would never hear that it has something to show. */
  readonly connectedWhileHidden = true;

  /** Whether somebody whom several sources have is one here: a curve is of one sensor. */
  protected readonly isOfOne: boolean = true;
  protected home: Hass | undefined;
  @state() protected texts: Texts | undefined;
  @state() private states = new Map<string, FeedState>();

  private clock: Clock | undefined;
  private readonly watching = new Map<string, { hours: number; end: () => void }>();
  private ticking: ReturnType<typeof setInterval> | undefined;

  /** The devices of the people that it is about. */
  protected abstract peopleIds(hass: Hass): string[];

  /** How far back it shows readings and what is over. */
  protected hours(): number {
    return 0;
  }

  set hass(hass: Hass) {
    const before = this.home;
    this.home = hass;
    if (before && SHOWN.every((key) => before[key] === hass[key])) {
      return;
    }
    if (before?.locale.language !== hass.locale.language) {
      void loadTexts(hass).then((texts) => (this.texts = texts));
    }
    if (before && before.connection !== hass.connection) {
      this.endWatching();
    }
    this.clock = clockOf(hass);
    this.watch();
    this.requestUpdate();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.ticking = setInterval(() => {
      this.tick();
    }, TICK_MS);
    this.watch();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.ticking);
    this.endWatching();
  }

  protected tick(): void {
    this.requestUpdate();
  }

  /** Hear of whom it is about, and of nobody else. */
  protected watch(): void {
    const { home } = this;
    if (!home || !this.isConnected) {
      return;
    }
    const wanted = this.peopleIds(home);
    const ids = new Set([...wanted, ...(this.isOfOne ? this.othersOf(wanted) : [])]);
    const hours = this.hours();
    for (const [id, { end }] of this.watching) {
      if (!ids.has(id)) {
        end();
        this.watching.delete(id);
        this.states.delete(id);
      }
    }
    for (const id of ids) {
      const before = this.watching.get(id);
      if (before?.hours !== hours) {
        const end = watchPerson(home.connection, id, hours, (state) => {
          const before = this.states.get(id)?.data?.person.same_as.join();
          this.states = new Map(this.states).set(id, state);
          if (before !== state.data?.person.same_as.join()) {
            this.watch();
          }
        });
        before?.end();
        this.watching.set(id, { hours, end });
      }
    }
  }

  /** What other sources have of those that this is about. */
  private othersOf(ids: readonly string[]): string[] {
    return ids.flatMap((id) => this.states.get(id)?.data?.person.same_as ?? []);
  }

  private endWatching(): void {
    for (const { end } of this.watching.values()) {
      end();
    }
    this.watching.clear();
  }

  /** Whom it is about, but for those whom the user may not see. */
  protected get people(): Watched[] {
    const { home } = this;
    const each = [...this.watching.keys()].flatMap((id) => {
      const state = this.states.get(id) ?? {};
      const device = home?.devices[id];
      return state.problem?.kind === "unauthorized"
        ? []
        : [{ id, name: state.data?.person.name ?? (device ? deviceName(device) : ""), state }];
    });
    return this.isOfOne ? asOne(each) : each;
  }

  /** What sentences are made with; undefined while there are no words yet. */
  protected get wording(): Wording | undefined {
    const { home, texts, clock } = this;
    return home && texts && clock
      ? { ...texts, clock, language: home.locale.language, now: new Date() }
      : undefined;
  }

  override updated(): void {
    // Of somebody whom the user may not see there is not even an empty card.
    const isHidden = this.watching.size > 0 && !this.people.length;
    if (this.hidden !== isHidden) {
      this.hidden = isHidden;
      this.dispatchEvent(
        new CustomEvent("card-visibility-changed", { bubbles: true, composed: true }),
      );
    }
  }

  getGridOptions(): Record<string, number | string> {
    return { columns: 12, min_columns: 6, rows: "auto" };
  }

  getCardSize(): number {
    return 3;
  }
}
