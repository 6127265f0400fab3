import { DAY_MS, DOMAIN } from "../const";
import type { Hass } from "../home-assistant";
import type { Severity } from "../severity";

/** One of the answer to `care_alerts.get_alerts`; times are ISO 8601. */
export interface Alert {
  alert_type: string;
  subtype: string | null;
  severity: Severity;
  state: "active" | "snoozed" | "ended" | "unknown";
  observed_at: string;
  received_at: string;
  late: boolean;
  drill: boolean;
  /** Null where it belongs to none. */
  episode_id: string | null;
  /** The source's own, units in the names. */
  details: Record<string, unknown>;
}

/** Alerts that belong together, as Home Assistant has worked it out. */
export interface Episode {
  episode_id: string;
  /** That of its worst alert. */
  severity: Severity;
  since: string;
  last_seen: string;
  /** Null while no end of it is known. */
  ended_at: string | null;
  end_reason: "source" | "newer_day" | "expired" | null;
  acknowledged: boolean;
  /** Null where nobody knows who did. */
  acknowledged_by: string | null;
  acknowledged_at: string | null;
}

export interface Alerts {
  /** Oldest first. */
  alerts: Alert[];
  /** Those of the alerts. */
  episodes: Episode[];
  /** Days of which nothing sure is known, as ISO 8601 dates. */
  unavailable: string[];
}

/** Ask for a person's alerts of the days until now. */
export async function getAlerts(
  hass: Hass,
  deviceId: string,
  days: number,
  now: Date,
): Promise<Alerts> {
  const { response } = await hass.callWS<{ response: Alerts }>({
    type: "call_service",
    domain: DOMAIN,
    service: "get_alerts",
    target: { device_id: deviceId },
    service_data: {
      start: new Date(now.getTime() - days * DAY_MS).toISOString(),
      include_drills: true,
    },
    return_response: true,
  });
  return response;
}
