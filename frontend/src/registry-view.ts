import { DOMAIN } from "./const";
import type { DeviceEntry, EntityEntry, Hass } from "./home-assistant";

export const deviceName = (device: DeviceEntry): string => device.name_by_user || device.name || "";

/**
 * What there is of ours in Home Assistant's registries: who is looked after, and the sources of it.
 *
 * Entities are found by device, domain and translation key, never by their ids. Hidden ones are left out.
 */
export class RegistryView {
  /** Sorted by name. A source may have all its entities hidden, and is none here then; its people stay people. */
  readonly people: DeviceEntry[];
  readonly sources: DeviceEntry[];
  readonly household: DeviceEntry | undefined;
  private readonly hass: Hass;
  private readonly byDevice = new Map<string, EntityEntry[]>();

  constructor(hass: Hass) {
    this.hass = hass;
    for (const entity of Object.values(hass.entities)) {
      if (entity.platform === DOMAIN && entity.device_id && !entity.hidden) {
        const others = this.byDevice.get(entity.device_id) ?? [];
        this.byDevice.set(entity.device_id, [...others, entity]);
      }
    }
    const devices = [...this.byDevice.keys()]
      .flatMap((id) => hass.devices[id] ?? [])
      .sort((one, other) => deviceName(one).localeCompare(deviceName(other), hass.locale.language));
    this.people = devices.filter((device) => device.via_device_id);
    const isHousehold = ({ id }: DeviceEntry): boolean => !!this.entityId(id, "sensor", "on_duty");
    this.household = devices.find(isHousehold);
    this.sources = devices.filter((device) => !device.via_device_id && !isHousehold(device));
  }

  /**
   * Whether this user is told of somebody: states of whom one may not read are not sent. While Home Assistant starts
   * there are none of anybody.
   */
  maySee({ id }: DeviceEntry): boolean {
    const { states } = this.hass;
    const isThere = ({ entity_id }: EntityEntry): boolean => !!states[entity_id];
    return (
      (this.byDevice.get(id) ?? []).some(isThere) ||
      ![...this.byDevice.values()].flat().some(isThere)
    );
  }

  /** A device's entities of a domain. */
  entitiesOf(deviceId: string, domain: string): EntityEntry[] {
    const all = this.byDevice.get(deviceId) ?? [];
    return all.filter((entity) => entity.entity_id.startsWith(`${domain}.`));
  }

  /** The id of a device's one entity with this translation key. */
  entityId(deviceId: string | null, domain: string, key: string): string | undefined {
    return this.entitiesOf(deviceId ?? "", domain).find((entity) => entity.translation_key === key)
      ?.entity_id;
  }
}
