/**
 * The Care Alerts dashboard: a strategy that makes one for the people and sources there are, and its one card.
 *
 * Cards are Home Assistant's own wherever it has one that can say what is to be said. Entities are found by device,
 * domain and translation key, never by their ids. Texts are the integration's: translations/*.json, `common`.
 * No build step, no dependency, nothing fetched but from Home Assistant.
 *
 * @typedef {{entity_id: string, device_id?: string, translation_key?: string, platform: string, hidden?: boolean}} Entity
 * @typedef {{id: string, name: string | null, name_by_user: string | null, via_device_id: string | null}} Device
 * @typedef {(key: string, values?: Record<string, string | number>) => string} Say  A text of ours.
 * @typedef {(entity: string, state: string) => string} StateName  What `sensor.last_alert` calls `high`; or "".
 * @typedef {Record<string, any>} Config  A card, view or dashboard as Home Assistant has it in YAML.
 * @typedef {Record<string, any>} Hass  Home Assistant as the frontend hands it out.
 *
 * @typedef {Object} Alert  One of the answer to `care_alerts.get_alerts`; times are ISO 8601.
 * @property {string} alert_type
 * @property {string | null} subtype
 * @property {"low" | "medium" | "high"} severity
 * @property {"active" | "snoozed" | "ended" | "unknown"} state
 * @property {string} observed_at
 * @property {string} received_at
 * @property {boolean} late
 * @property {boolean} drill
 * @property {Record<string, any>} details  The source's own, units in the names.
 *
 * @typedef {Object} Run  Alerts of one type that follow each other, as one line of the timeline.
 * @property {Alert} alert  The first, with the worst severity of all.
 * @property {Date} from
 * @property {Date} seen  When it was last observed.
 * @property {boolean} over  Whether the source said that it ended.
 */

// Home Assistant replaces HTMLElement and the registry of elements while it starts; what is defined earlier is lost
// to it (home-assistant/frontend#53890). Its own first element comes after that.
await customElements.whenDefined("home-assistant");

const DOMAIN = "care_alerts";
const NAME = "Care Alerts";
const STRATEGY = "care-alerts";
const TIMELINE = "care-alerts-timeline";
const SNOOZE_MINUTES = 30;
const GLUCOSE_HOURS = 12;
const ASK_AGAIN_MS = 30_000;
const SETTLED_MS = 500;
const RECENT_DAYS = 3;
const ALL_DAYS = 10;
const MMOL_L = "mmol/L";
const MG_DL_PER_MMOL_L = 18.0156;

/** Word and shape tell a severity; colours only repeat it. The shapes are those of `ha-alert`. */
const ALERT_BOX = { high: "error", medium: "warning", low: "info" };
const SEVERITY_ICON = {
  high: "mdi:alert-circle",
  medium: "mdi:alert",
  low: "mdi:information-outline",
};
/** Told apart with any colour vision, and by where they lie: glucose between low and high. */
const THRESHOLD_COLORS = {
  urgent_low_threshold: "purple",
  low_threshold: "orange",
  high_threshold: "amber",
};

/** What the frontend's conditions see in an attribute that is null or missing. */
const NOTHING = "unknown";
const WIDE = { grid_options: { columns: "full" } };

/**
 * How to say things in this user's language: texts of the dashboard, and what entities call their states.
 * @param {Hass} hass
 * @returns {Promise<{say: Say, stateName: StateName}>}
 */
async function words(hass) {
  await hass.loadBackendTranslation("entity", DOMAIN);
  const localize = await hass.loadBackendTranslation("common", DOMAIN);
  /** @type {Say} */
  const common = (key, values) => localize(`component.${DOMAIN}.common.${key}`, values);
  return {
    // Some words are not the dashboard's alone.
    say: (key, values) => common(`dashboard_${key}`, values) || common(key, values) || key,
    stateName: (entity, state) => localize(`component.${DOMAIN}.entity.${entity}.state.${state}`),
  };
}

/**
 * How bad alerts are, by their severity: the lowest is not said, as there is good news among it.
 * @param {Say} say
 * @returns {Record<string, string>}
 */
const severities = (say) => ({ high: say("severity_high"), medium: say("severity_medium") });

/** @param {Device} device */
const nameOf = (device) => device.name_by_user || device.name || "";

/**
 * What somebody may have called something, fit for a template and for what it renders to, which is read as markdown and
 * HTML: it is none of these. What only a template knows goes through its `literal`.
 * @param {string} name
 */
const plain = (name) =>
  name.replace(/[^\p{L}\p{N} ]/gu, (character) => `&#${character.codePointAt(0)};`);

/**
 * What there is of ours: who is looked after, and where the word of them comes from.
 */
class House {
  /**
   * @param {Hass} hass
   * @param {Say} say
   */
  constructor(hass, say) {
    this.hass = hass;
    this.say = say;
    /** @type {Map<string, Entity[]>} Entities by their device. */
    this.entities = new Map();
    for (const entity of Object.values(hass.entities)) {
      if (entity.platform === DOMAIN && entity.device_id && !entity.hidden) {
        this.entities.set(entity.device_id, [
          ...(this.entities.get(entity.device_id) ?? []),
          entity,
        ]);
      }
    }
    /** @type {Device[]} */
    const devices = [...this.entities.keys()]
      .map((id) => hass.devices[id])
      .filter(Boolean)
      .sort((one, other) => nameOf(one).localeCompare(nameOf(other), hass.locale.language));
    // A source may have all its entities hidden.
    this.people = devices.filter((device) => device.via_device_id);
    this.sources = devices.filter((device) => !device.via_device_id);
  }

  /**
   * The id of a device's entity.
   * @param {string | null} deviceId
   * @param {string} domain
   * @param {string} key
   * @returns {string | undefined}
   */
  find(deviceId, domain, key) {
    return this.of(deviceId, domain).find((entity) => entity.translation_key === key)?.entity_id;
  }

  /**
   * A device's entities of a domain.
   * @param {string | null} deviceId
   * @param {string} domain
   */
  of(deviceId, domain) {
    const all = this.entities.get(deviceId ?? "") ?? [];
    return all.filter((entity) => entity.entity_id.startsWith(`${domain}.`));
  }

  /**
   * An entity's own name, without its device's.
   * @param {string} entityId
   * @returns {string}
   */
  nameOf(entityId) {
    return this.hass.entities[entityId].name ?? entityId;
  }
}

/* Conditions under which a card shows. */

/** @param {string} entity @param {string} state */
const is = (entity, state) => ({ condition: "state", entity, state });
/** @param {string} entity @param {string} attribute @param {string} state */
const has = (entity, attribute, state) => ({ condition: "state", entity, attribute, state });
/** @param {...Config} conditions */
const either = (...conditions) => ({ condition: "or", conditions });
/** @param {...Config} conditions */
const unless = (...conditions) => ({ condition: "not", conditions });

/* Templates. They are rendered by Home Assistant, so ages go on counting. */

/**
 * Whether this user reads "2:05 PM".
 * @param {Hass} hass
 * @returns {boolean}
 */
function twelveHours({ locale }) {
  const language = locale.time_format === "system" ? undefined : locale.language;
  const usual = new Intl.DateTimeFormat(language, { hour: "numeric" }).resolvedOptions().hour12;
  return locale.time_format === "12" || (locale.time_format !== "24" && Boolean(usual));
}

/**
 * What all templates begin with: how times and ages are written for this user, and what others have written.
 * @param {House} house
 */
function macros({ hass, say }) {
  const clock = twelveHours(hass) ? "%-I:%M %p" : "%H:%M";
  const monday = new Date(2024, 0, 1);
  const days = [0, 1, 2, 3, 4, 5, 6].map((day) =>
    new Date(monday.getTime() + day * 86_400_000).toLocaleDateString(hass.locale.language, {
      weekday: "short",
    }),
  );
  return `
{%- macro clock(moment) -%}
  {%- set local = moment | as_local -%}
  {%- if local.date() != now().date() -%}
    {{ ${JSON.stringify(days)}[local.weekday()] }} {{ "" if now() - local < timedelta(days=6) else local.date() ~ " " }}
  {%- endif -%}
  {{ local.strftime("${clock}") }}
{%- endmacro -%}
{%- macro age(moment) -%}
  {%- set minutes = [(now() - moment).total_seconds() // 60, 0] | max | int -%}
  {%- if minutes < 60 -%}${say("minutes", { minutes: "{{ minutes }}" })}
  {%- elif minutes < 2880 -%}${say("hours", { hours: "{{ minutes // 60 }}", minutes: "{{ minutes % 60 }}" })}
  {%- else -%}${say("days", { days: "{{ minutes // 1440 }}", hours: "{{ minutes // 60 % 24 }}" })}
  {%- endif -%}
{%- endmacro -%}
{%- macro literal(text) -%}
  {%- for character in text | string -%}
    {{ character if character.isalnum() or character == " " else "&#" ~ (character | ord) ~ ";" }}
  {%- endfor -%}
{%- endmacro -%}
`;
}

/** @param {string} name @param {string | undefined} entity @param {string} attribute */
const setTime = (name, entity, attribute) =>
  `{%- set ${name} = state_attr("${entity}", "${attribute}") | as_datetime(none) -%}`;

/** What stands for a time and its age in a text of ours. @param {string} name */
const timeAndAge = (name) => ({ time: `{{ clock(${name}) }}`, age: `{{ age(${name}) }}` });

/**
 * One alert: what, how bad, when observed, who has taken it. Nothing in it says that it is so now, or over.
 * @param {House} house
 * @param {Device} person
 * @param {string} sensor
 */
function alertText(house, person, sensor) {
  const { hass, say } = house;
  const key = hass.entities[sensor].translation_key;
  const status = house.find(person.id, "sensor", `${key}_status`);
  const detail = status
    ? `{{ ": " ~ literal(state_translated("${status}")) if has_value("${status}") }}`
    : "";
  const name = plain(house.nameOf(sensor));
  return `${macros(house)}
{%- set alert = "${sensor}" -%}
{%- set severity = state_attr(alert, "severity") or "low" -%}
{%- set how_bad = ${JSON.stringify(severities(say))} -%}
${setTime("seen", sensor, "observed_at")}${setTime("since", sensor, "since")}
${setTime("taken", sensor, "acknowledged_at")}${setTime("quiet", sensor, "snoozed_until")}
{%- if is_state(alert, "on") -%}
<ha-alert alert-type="{{ ${JSON.stringify(ALERT_BOX)}.get(severity, "info") }}" title="${name}${detail}{{ " · " ~ how_bad[severity] if severity in how_bad }}">
{%- if seen %}${say("observed", timeAndAge("seen"))}{% endif -%}
{%- if since and seen and since < seen %} ${say("first", timeAndAge("since"))}{% endif -%}
{%- else -%}
<ha-alert alert-type="info" title="${plain(say("drill"))}: ${name}">${say("drill_runs")}
{%- endif -%}
{%- if state_attr(alert, "acknowledged") -%}
  <br>{% if state_attr(alert, "acknowledged_by") %}${say("acknowledged_by", {
    who: '<b>{{ literal(state_attr(alert, "acknowledged_by")) }}</b>',
  })}{% else %}${say("acknowledged")}{% endif %}
  {%- if taken %} ({{ clock(taken) }}){% endif %}. ${say("not_over")}
  {%- if state_attr(alert, "note") %}<br><i>{{ literal(state_attr(alert, "note")) }}</i>{% endif -%}
{%- else -%}<br>${say("unacknowledged")}{%- endif -%}
{%- if quiet %}<br>${say("snoozed", { time: "{{ clock(quiet) }}" })}{% endif -%}
</ha-alert>`;
}

/**
 * What there is to say when no alert is active: how far that word reaches, never that all is well.
 * @param {House} house
 * @param {Device} person
 */
function quietText(house, person) {
  const active = house.find(person.id, "sensor", "active_alerts");
  const reach = house.find(person.via_device_id, "sensor", "data_through");
  const { say } = house;
  return `${macros(house)}
{%- set reach = states("${reach}") | as_datetime(none) -%}
{%- if is_state("${active}", "0") -%}
${say("none_known")} {% if reach %}${say("reach", timeAndAge("reach"))}{% endif %}
{%- else -%}
<ha-alert alert-type="warning" title="${plain(say("nothing_known"))}">${say("nothing_known_text")}</ha-alert>
{%- endif -%}`;
}

/**
 * Since when a source has been silent, and why.
 * @param {House} house
 * @param {Device} source
 */
function silentText(house, source) {
  const reach = house.find(source.id, "sensor", "data_through");
  const status = house.find(source.id, "sensor", "status");
  const { say } = house;
  const why = status
    ? `{{ literal(state_translated("${status}")) ~ "." if has_value("${status}") }}`
    : "";
  const howFar = reach
    ? `{%- set reach = states("${reach}") | as_datetime(none) -%}
{%- if reach %} ${say("reach", timeAndAge("reach"))}{% else %} ${say("no_reach")}{% endif %}`
    : "";
  return `${macros(house)}
<ha-alert alert-type="warning" title="${plain(say("silent", { source: nameOf(source) }))}">${why}${howFar}</ha-alert>`;
}

/**
 * The newest glucose value, its trend, and how old they are.
 * @param {House} house
 * @param {string} glucose
 * @param {string | undefined} trend
 */
function glucoseText(house, glucose, trend) {
  return `${macros(house)}${setTime("seen", glucose, "observed_at")}
{%- if has_value("${glucose}") %}
## {{ states("${glucose}", with_unit=True, rounded=True) }}${
    trend ? `{{ " · " ~ literal(state_translated("${trend}")) if has_value("${trend}") }}` : ""
  }
{% if is_state_attr("${glucose}", "out_of_range", "low") or is_state_attr("${glucose}", "out_of_range", "high") -%}
{{ state_attr_translated("${glucose}", "out_of_range") }}.
{% endif -%}
{% if seen %}${house.say("observed", timeAndAge("seen"))}{% endif %}
{%- else -%}
${house.say("no_glucose")}
{%- endif -%}`;
}

/* Cards. */

/** @param {string} content @param {Config} [more] */
const text = (content, more = {}) => ({
  type: "markdown",
  text_only: true,
  content,
  ...WIDE,
  ...more,
});

/** @param {string} entity @param {number} columns @param {Config} [more] */
const tile = (entity, columns, more = {}) => ({
  type: "tile",
  entity,
  name: { type: "entity" },
  grid_options: { columns },
  ...more,
});

/**
 * A tile that does something when it is touched.
 * @param {string} entity
 * @param {string | Config} name
 * @param {string} icon
 * @param {string} action
 * @param {Config} [more]
 */
function touch(entity, name, icon, action, more = {}) {
  const { data, confirmation, ...card } = more;
  const perform = {
    action: "perform-action",
    perform_action: action,
    target: { entity_id: entity },
    ...(data && { data }),
    ...(confirmation && { confirmation: { text: confirmation } }),
  };
  return tile(entity, 6, {
    name,
    icon,
    color: "primary",
    hide_state: true,
    tap_action: perform,
    icon_tap_action: perform,
    ...card,
  });
}

/**
 * A person's alerts: for each that is on (or is being tried out) its text and what can be done about it.
 * @param {House} house
 * @param {Device} person
 * @returns {Config[]}
 */
function alertCards(house, person) {
  const { say } = house;
  const sensors = house.of(person.id, "binary_sensor").map((entity) => entity.entity_id);
  const cards = sensors.flatMap((sensor) => {
    const told = either(is(sensor, "on"), has(sensor, "drill", "true"));
    const taken = has(sensor, "acknowledged", "true");
    const snoozed = unless(has(sensor, "snoozed_until", NOTHING));
    return [
      text(alertText(house, person, sensor), { visibility: [told] }),
      touch(sensor, say("acknowledge"), "mdi:hand-back-right", `${DOMAIN}.acknowledge`, {
        visibility: [told, unless(taken)],
      }),
      touch(sensor, say("unacknowledge"), "mdi:undo", `${DOMAIN}.unacknowledge`, {
        visibility: [told, taken],
      }),
      touch(
        sensor,
        say("snooze", { minutes: SNOOZE_MINUTES }),
        "mdi:bell-sleep",
        `${DOMAIN}.snooze`,
        {
          data: { duration: { minutes: SNOOZE_MINUTES } },
          visibility: [told, unless(snoozed)],
        },
      ),
      touch(sensor, say("unsnooze"), "mdi:bell-ring", `${DOMAIN}.unsnooze`, {
        visibility: [told, snoozed],
      }),
    ];
  });
  const active = house.find(person.id, "sensor", "active_alerts");
  if (active) {
    const some = { condition: "numeric_state", entity: active, above: 0 };
    cards.push(text(quietText(house, person), { visibility: [unless(some)] }));
    const all = house.find(person.id, "button", "acknowledge_all");
    if (all) {
      cards.push(
        touch(all, { type: "entity" }, "mdi:hand-back-right-outline", "button.press", {
          ...WIDE,
          visibility: [{ ...some, above: 1 }],
        }),
      );
    }
  }
  return cards;
}

/**
 * A person's glucose: the newest value with its age, and a graph with the thresholds there are.
 * @param {House} house
 * @param {Device} person
 * @returns {Config[]}
 */
function glucoseCards(house, person) {
  const glucose = house.find(person.id, "sensor", "glucose");
  if (!glucose) {
    return [];
  }
  const thresholds = Object.entries(THRESHOLD_COLORS).flatMap(([key, color]) => {
    const entity = house.find(person.id, "number", key);
    return entity ? [{ entity, name: { type: "entity" }, color }] : [];
  });
  return [
    text(glucoseText(house, glucose, house.find(person.id, "sensor", "glucose_trend"))),
    subtitle(house.say("glucose_graph", { hours: GLUCOSE_HOURS })),
    {
      type: "history-graph",
      hours_to_show: GLUCOSE_HOURS,
      fit_y_data: true,
      entities: [{ entity: glucose, name: { type: "entity" }, color: "blue" }, ...thresholds],
      ...WIDE,
    },
  ];
}

/**
 * @param {House} house
 * @param {Device} person
 * @param {number} days
 * @returns {Config}
 */
function timelineCard(house, person, days) {
  const watched = ["event", "binary_sensor"].flatMap((domain) => house.of(person.id, domain));
  return {
    type: `custom:${TIMELINE}`,
    device_id: person.id,
    entities: watched.map((entity) => entity.entity_id),
    glucose: house.find(person.id, "sensor", "glucose"),
    days,
    ...WIDE,
  };
}

/**
 * A person as seen in passing.
 * @param {House} house
 * @param {Device} person
 * @returns {Config}
 */
function personSection(house, person) {
  const source = house.sources.find(({ id }) => id === person.via_device_id);
  const silent = source && house.find(source.id, "binary_sensor", "silent");
  const cards = [heading(person, "mdi:account-heart", silent, source && nameOf(source))];
  if (source && silent) {
    cards.push(text(silentText(house, source), { visibility: [is(silent, "on")] }));
  }
  cards.push(
    ...alertCards(house, person),
    ...glucoseCards(house, person),
    timelineCard(house, person, RECENT_DAYS),
  );
  return { type: "grid", cards };
}

/**
 * @param {Device} device
 * @param {string} icon
 * @param {string} [badge]  An entity whose state stands at the right.
 * @param {string} [name]  What the badge is called.
 * @returns {Config}
 */
function heading(device, icon, badge, name) {
  const badges = badge
    ? [{ type: "entity", entity: badge, name, state_content: ["name", "state"], color: "none" }]
    : [];
  return { type: "heading", heading: nameOf(device), icon, badges };
}

/** @param {string} heading */
const subtitle = (heading) => ({ type: "heading", heading_style: "subtitle", heading });

/**
 * A source: whether it speaks, how far its word reaches, and what can be asked of it.
 * @param {House} house
 * @param {Device} source
 * @returns {Config[]}
 */
function sourceCards(house, source) {
  const { say } = house;
  const cards = [heading(source, "mdi:cloud")];
  const silent = house.find(source.id, "binary_sensor", "silent");
  if (silent) {
    cards.push(
      text(silentText(house, source), { visibility: [is(silent, "on")] }),
      tile(silent, 6, { color: "none" }),
    );
  }
  for (const key of ["status", "data_through", "delay", "last_contact"]) {
    const entity = house.find(source.id, "sensor", key);
    if (entity) {
      const known = unless(is(entity, "unknown"));
      cards.push(tile(entity, 6, { visibility: [known] }));
    }
  }
  const refresh = house.find(source.id, "button", "refresh");
  if (refresh) {
    cards.push(touch(refresh, { type: "entity" }, "mdi:refresh", "button.press"));
  }
  const test = house.find(source.id, "button", "test_alert");
  if (test) {
    const confirmation = say("test_alert_confirm");
    cards.push(touch(test, { type: "entity" }, "mdi:bell-cog", "button.press", { confirmation }));
  }
  return cards;
}

/**
 * All there is about a person.
 * @param {House} house
 * @param {Device} person
 * @returns {Config}
 */
function detailsSection(house, person) {
  const inFront = new Set(["active_alerts", "highest_severity", "glucose", "glucose_trend"]);
  const row = (/** @type {Entity} */ { entity_id: entity }) => ({
    entity,
    name: { type: "entity" },
  });
  const known = house
    .of(person.id, "sensor")
    .filter((entity) => !inFront.has(entity.translation_key ?? ""))
    .map((entity) => ({
      type: "conditional",
      conditions: [{ condition: "state", entity: entity.entity_id, state_not: ["unknown"] }],
      row: row(entity),
    }));
  const settings = ["switch", "number"].flatMap((domain) => house.of(person.id, domain)).map(row);
  const cards = [
    heading(person, "mdi:account-heart"),
    timelineCard(house, person, ALL_DAYS),
    subtitle(house.say("details")),
    { type: "entities", entities: known, ...WIDE },
  ];
  if (settings.length) {
    cards.push(subtitle(house.say("settings")), {
      type: "entities",
      show_header_toggle: false,
      entities: settings,
      ...WIDE,
    });
  }
  return { type: "grid", cards };
}

/** The dashboard, made of what the registries hold; made again when they change. */
export class CareAlertsDashboard extends HTMLElement {
  /** What the dialog that makes a dashboard fills in. */
  static getCreateSuggestions() {
    return { title: NAME, icon: "mdi:home-heart" };
  }

  /**
   * @param {Config} _config
   * @param {Hass} hass
   * @returns {Promise<Config>}
   */
  static async generate(_config, hass) {
    const { say } = await words(hass);
    const house = new House(hass, say);
    const about = text(say("about"));
    if (!house.sources.length && !house.people.length) {
      return {
        views: [
          { type: "sections", sections: [{ type: "grid", cards: [text(say("empty")), about] }] },
        ],
      };
    }
    const sources = house.sources.flatMap((source) => sourceCards(house, source));
    const view = { type: "sections", max_columns: 3 };
    return {
      views: [
        {
          ...view,
          title: say("now"),
          path: "now",
          sections: [
            ...house.people.map((person) => personSection(house, person)),
            { type: "grid", cards: [...sources, about] },
          ],
        },
        {
          ...view,
          title: say("details"),
          path: "details",
          sections: house.people.map((person) => detailsSection(house, person)),
        },
      ],
    };
  }
}

/**
 * A person's alerts of the last days by the time they were observed. Home Assistant's own cards know only
 * when they arrived, which may be hours later and in another order.
 *
 * Config: `device_id` of a person, `days`, `entities` whose changes mean that there may be news, and `glucose`, the
 * sensor in whose unit glucose values are said.
 */
export class CareAlertsTimeline extends HTMLElement {
  /** @type {Config} */
  #config = {};
  /** @type {HTMLElement | undefined} */
  #content;
  /** What the watched entities were when last asked. @type {string | undefined} */
  #asked;
  /** What is to be done later. @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {Config} config */
  setConfig(config) {
    if (!config.device_id) {
      throw new Error("device_id is missing");
    }
    this.#config = { days: RECENT_DAYS, entities: [], ...config };
    this.#asked = undefined;
  }

  getCardSize() {
    return 4;
  }

  getGridOptions() {
    return { columns: 12, min_columns: 6 };
  }

  /** @param {Hass} hass */
  set hass(hass) {
    const watched = this.#config.entities.map((/** @type {string} */ id) => hass.states[id]);
    // A source that does not run, or not yet, can tell nothing: what is shown stays.
    const runs = (/** @type {any} */ state) => state && !state.attributes.restored;
    if (watched.length && !watched.some(runs)) {
      return;
    }
    // The date is part of it: days go by also when nothing happens.
    const changed = watched.map((/** @type {any} */ state) => state?.last_updated);
    const unit = glucoseUnit(hass, this.#config);
    const asked = [new Date().toDateString(), hass.locale.language, unit, ...changed].join();
    if (asked !== this.#asked) {
      this.#asked = asked;
      // One piece of news changes several entities; they are up before all of a source is.
      this.#later(this.#content ? SETTLED_MS : 0, () => this.#update(hass, asked));
    }
  }

  disconnectedCallback() {
    clearTimeout(this.#timer);
    this.#asked = undefined;
  }

  /**
   * @param {number} milliseconds
   * @param {() => void} what  In place of what was to be done later until now.
   */
  #later(milliseconds, what) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(what, milliseconds);
  }

  /**
   * @param {Hass} hass
   * @param {string} asked
   */
  async #update(hass, asked) {
    const { say, stateName } = await words(hass);
    const { device_id, days } = this.#config;
    let lines;
    try {
      const { response } = await hass.callWS({
        type: "call_service",
        domain: DOMAIN,
        service: "get_alerts",
        target: { device_id },
        service_data: {
          start: new Date(Date.now() - days * 86_400_000).toISOString(),
          include_drills: true,
        },
        return_response: true,
      });
      lines = this.#lines(hass, say, stateName, response);
    } catch (/** @type {any} */ error) {
      lines = [element("p", say("timeline_failed", { reason: error.message ?? error.code }))];
      if (asked === this.#asked) {
        this.#later(ASK_AGAIN_MS, () => (this.#asked = undefined));
      }
    }
    // Unless something newer is on its way.
    if (asked === this.#asked) {
      this.#show(say("timeline", { days }), lines);
    }
  }

  /**
   * @param {Hass} hass
   * @param {Say} say
   * @param {StateName} stateName
   * @param {{alerts: Alert[], unavailable: string[]}} response
   * @returns {HTMLElement[]}
   */
  #lines(hass, say, stateName, { alerts, unavailable }) {
    const zone = hass.locale.time_zone === "server" ? hass.config.time_zone : undefined;
    const format = (/** @type {Date} */ moment, /** @type {Intl.DateTimeFormatOptions} */ how) =>
      moment.toLocaleString(hass.locale.language, { timeZone: zone, ...how });
    const hour12 = twelveHours(hass);
    const clock = (/** @type {Date} */ moment) =>
      format(moment, { hour: "2-digit", minute: "2-digit", hour12 });
    const day = (/** @type {Date} */ moment) =>
      format(moment, { weekday: "long", day: "numeric", month: "long" });
    const unit = glucoseUnit(hass, this.#config);

    /** @type {HTMLElement[]} */
    const lines = [];
    let shown = "";
    for (const run of runsOf(alerts).reverse()) {
      if (day(run.from) !== shown) {
        shown = day(run.from);
        lines.push(element("h3", shown));
      }
      lines.push(line(say, stateName, run, clock, glucoseThen(hass, say, run.alert, unit)));
    }
    if (!alerts.length) {
      lines.push(element("p", say("timeline_empty")));
    }
    if (unavailable.length) {
      const gaps = unavailable.map((date) => day(new Date(`${date}T12:00`)));
      lines.push(element("p", say("timeline_gaps", { days: gaps.join(", ") })));
    }
    return lines;
  }

  /**
   * @param {string} title
   * @param {HTMLElement[]} lines
   */
  #show(title, lines) {
    if (!this.#content) {
      const card = element("ha-card");
      const style = element("style", STYLE);
      this.#content = element("div");
      card.append(this.#content);
      this.attachShadow({ mode: "open" }).append(style, card);
    }
    this.#content.replaceChildren(element("h2", title), ...lines);
  }
}

const STYLE = `
div { padding: 12px 16px 16px; color: var(--primary-text-color); font-size: var(--ha-font-size-m, 14px); }
h2 { margin: 0; font-size: var(--ha-font-size-l, 16px); font-weight: var(--ha-font-weight-medium, 500); }
h3 { margin: 12px 0 2px; font-size: inherit; font-weight: var(--ha-font-weight-medium, 500); color: var(--secondary-text-color); }
p { margin: 8px 0 0; color: var(--secondary-text-color); }
article { display: grid; grid-template-columns: max-content 24px 1fr; column-gap: 8px; padding: 6px 0; align-items: start; }
article + article { border-top: 1px solid var(--divider-color); }
time { font-variant-numeric: tabular-nums; white-space: nowrap; }
ha-icon { --mdc-icon-size: 20px; }
.high { color: var(--error-color); }
.medium { color: var(--warning-color); }
.low { color: var(--info-color); }
small { display: block; font-size: var(--ha-font-size-s, 12px); color: var(--secondary-text-color); }
`;

/**
 * @param {string} tag
 * @param {string} [content]  Text, never markup: names and words come from elsewhere.
 */
function element(tag, content) {
  const made = document.createElement(tag);
  if (content !== undefined) {
    made.textContent = content;
  }
  return made;
}

/**
 * One line of the timeline.
 * @param {Say} say
 * @param {StateName} stateName
 * @param {Run} run
 * @param {(moment: Date) => string} clock
 * @param {string} glucose  What there is to say of it, or "".
 */
function line(say, stateName, { alert, from, seen, over }, clock, glucose) {
  const made = element("article");
  const icon = element("ha-icon");
  icon.setAttribute("icon", SEVERITY_ICON[alert.severity] ?? SEVERITY_ICON.low);
  icon.className = alert.severity;
  const { alert_type: kind, subtype } = alert;
  const name = stateName("sensor.last_alert", kind) || kind;
  const detail = subtype && stateName(`sensor.${kind}_status`, subtype.toLowerCase());
  const what = element("span");
  const howBad = severities(say)[alert.severity];
  what.append(
    (alert.drill ? `${say("drill")}: ` : "") +
      (detail ? `${name}: ${detail}` : name) +
      (howBad ? ` · ${howBad}` : ""),
  );
  const notes = glucose ? [glucose] : [];
  if (over) {
    notes.push(say("timeline_ended", { time: clock(seen) }));
  } else if (seen > from) {
    notes.push(say("timeline_seen", { time: clock(seen) }));
  }
  const arrived = new Date(alert.received_at);
  const minutes = Math.floor((arrived.getTime() - from.getTime()) / 60_000);
  if (alert.late && minutes > 0) {
    notes.push(say("timeline_arrived", { age: duration(say, minutes) }));
  }
  if (notes.length) {
    what.append(element("small", notes.join(" ")));
  }
  made.append(element("time", clock(from)), icon, what);
  return made;
}

/**
 * The unit of somebody's glucose sensor.
 * @param {Hass} hass
 * @param {Config} config  The timeline's.
 * @returns {string | undefined}
 */
const glucoseUnit = (hass, { glucose }) => hass.states[glucose]?.attributes.unit_of_measurement;

/**
 * The glucose value at the time of an alert, or "" where the alert has none.
 * Beyond what a sensor can tell, no number would be true.
 * @param {Hass} hass
 * @param {Say} say
 * @param {Alert} alert
 * @param {string | undefined} shown  The unit to say it in; its own if there is none.
 */
function glucoseThen({ locale }, say, { details }, shown) {
  const mgDl = details.glucose_mg_dl ?? details.value_mg_dl;
  const mmolL = details.glucose_mmol_l ?? details.value_mmol_l;
  if (typeof (mmolL ?? mgDl) !== "number") {
    return "";
  }
  const beyond = details.glucose_out_of_range ?? details.out_of_range;
  if (beyond === "low") {
    return say("glucose_then_low");
  }
  if (beyond === "high") {
    return say("glucose_then_high");
  }
  const unit = shown ?? (mmolL === undefined ? "mg/dL" : MMOL_L);
  const [number, digits] =
    unit === MMOL_L
      ? [mmolL ?? mgDl / MG_DL_PER_MMOL_L, 1]
      : [mgDl ?? mmolL * MG_DL_PER_MMOL_L, 0];
  const value = number.toLocaleString(locale.language, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return say("glucose_then", { value, unit });
}

/**
 * @param {Say} say
 * @param {number} minutes
 */
function duration(say, minutes) {
  if (minutes < 60) {
    return say("minutes", { minutes });
  }
  const hours = Math.floor(minutes / 60);
  return hours < 48
    ? say("hours", { hours, minutes: minutes % 60 })
    : say("days", { days: Math.floor(hours / 24), hours: hours % 24 });
}

/**
 * Alerts, oldest first, as runs: records of one type belong together until the source says that it ended,
 * or for an hour.
 * @param {Alert[]} alerts
 * @returns {Run[]}
 */
function runsOf(alerts) {
  const rank = ["low", "medium", "high"];
  /** @type {Run[]} */
  const runs = [];
  /** @type {Map<string, Run>} */
  const open = new Map();
  for (const alert of alerts) {
    const key = `${alert.alert_type} ${alert.drill}`;
    const moment = new Date(alert.observed_at);
    const ended = alert.state === "ended";
    let run = open.get(key);
    if (run && (ended || moment.getTime() - run.seen.getTime() <= 3_600_000)) {
      run.seen = moment;
      if (rank.indexOf(alert.severity) > rank.indexOf(run.alert.severity)) {
        run.alert = { ...run.alert, severity: alert.severity };
      }
    } else {
      run = { alert, from: moment, seen: moment, over: false };
      runs.push(run);
      open.set(key, run);
    }
    if (ended) {
      run.over = true;
      open.delete(key);
    }
  }
  return runs;
}

// Home Assistant may load the module twice: by its old and its new address after an upgrade.
if (!customElements.get(TIMELINE)) {
  customElements.define(TIMELINE, CareAlertsTimeline);
  customElements.define(`ll-strategy-dashboard-${STRATEGY}`, CareAlertsDashboard);
  const offered = /** @type {any} */ (window);
  offered.customStrategies ??= [];
  offered.customStrategies.push({
    type: STRATEGY,
    strategyType: "dashboard",
    name: NAME,
    description: "The alerts of the people you look after, and whether their sources speak.",
  });
}
