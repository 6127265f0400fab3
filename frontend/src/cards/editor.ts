/** The forms of the visual editor, in the words of the translations. */
import { DOMAIN } from "../const";
import type { TextKey } from "../localize";

interface Field {
  name: string;
  required?: boolean;
  selector: Record<string, unknown>;
}

/** A text of Home Assistant's by its full key. */
type HassLocalize = (key: string) => string;

export interface ConfigForm {
  schema: Field[];
  computeLabel: (field: Field, localize: HassLocalize) => string;
}

/** People of ours: each has one event entity, their sources have none. */
const PEOPLE = { entity: [{ integration: DOMAIN, domain: "event" }] };

const label = ({ name }: Field, localize: HassLocalize): string => {
  const say = (key: TextKey): string => localize(`component.${DOMAIN}.common.dashboard_${key}`);
  const labels: Record<string, string> = {
    people: say("editor_people"),
    device_id: say("editor_person"),
    hours: say("editor_hours"),
    close: say("editor_close"),
    days: say("editor_days"),
  };
  return labels[name] ?? name;
};

/** A form that asks for a person or for people, and for what else there is. */
export const deviceForm = (name: "people" | "device_id", ...more: Field[]): ConfigForm => ({
  schema: [
    {
      name,
      required: name === "device_id",
      selector: { device: { ...PEOPLE, ...(name === "people" && { multiple: true }) } },
    },
    ...more,
  ],
  computeLabel: label,
});
