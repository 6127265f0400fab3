import type { Localize } from "../localize";

const MG_DL = "mg/dL";
const MMOL_L = "mmol/L";
const MG_DL_PER_MMOL_L = 18.0156;

/**
 * The glucose value at the time of an alert, or "" where its details have none.
 *
 * It is said in `unit`, else in the one it came in. Beyond what a sensor can tell, no number would be true.
 */
export function glucoseThen(
  localize: Localize,
  language: string,
  details: Record<string, unknown>,
  unit: string | undefined,
): string {
  const mgDl = details.glucose_mg_dl ?? details.value_mg_dl;
  const mmolL = details.glucose_mmol_l ?? details.value_mmol_l;
  if (typeof (mmolL ?? mgDl) !== "number") {
    return "";
  }
  const beyond = details.glucose_out_of_range ?? details.out_of_range;
  if (beyond === "low") {
    return localize("glucose_then_low");
  }
  if (beyond === "high") {
    return localize("glucose_then_high");
  }
  const shown = unit ?? (typeof mmolL === "number" ? MMOL_L : MG_DL);
  const digits = shown === MMOL_L ? 1 : 0;
  const value = (shown === MMOL_L ? inMmolL(mmolL, mgDl) : inMgDl(mgDl, mmolL)).toLocaleString(
    language,
    { minimumFractionDigits: digits, maximumFractionDigits: digits },
  );
  return localize("glucose_then", { value, unit: shown });
}

const inMmolL = (mmolL: unknown, mgDl: unknown): number =>
  typeof mmolL === "number" ? mmolL : Number(mgDl) / MG_DL_PER_MMOL_L;

const inMgDl = (mgDl: unknown, mmolL: unknown): number =>
  typeof mgDl === "number" ? mgDl : Number(mmolL) * MG_DL_PER_MMOL_L;
