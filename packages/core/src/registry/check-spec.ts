import type { EnvironmentSpec } from "../environments/index.js";
import { didYouMean, FormatError } from "../errors/index.js";

/** Every field of a spec. */
export const specFields: { readonly [F in keyof Required<EnvironmentSpec>]: true } = {
  baseModel: true,
  reward: true,
  steps: true,
  timeGrid: true,
  noiseSchedule: true,
  rewardScale: true,
  allowExpansiveGrid: true,
};

/**
 * Refuses what is no spec of an environment: of another program, or with a field that would be ignored.
 * @throws FormatError saying what is missing or unknown
 */
export function checkSpec(spec: unknown): void {
  if (!isRecord(spec)) {
    throw foreign(
      `it is ${(spec ?? undefined) === undefined ? spec : Array.isArray(spec) ? "an array" : `a ${typeof spec}`}`,
    );
  }
  for (const part of ["baseModel", "reward"] as const) {
    const value = spec[part];
    if (!isRecord(value) || typeof value.id !== "string") {
      throw foreign(`its "${part}" is ${JSON.stringify(value)}, which needs { "id": "modality/name" }`);
    }
    if (value.options !== undefined && !isRecord(value.options)) {
      throw foreign(`the options of its "${part}" are ${JSON.stringify(value.options)}, which must be an object`);
    }
  }
  for (const field of Object.keys(spec)) {
    if (!Object.hasOwn(specFields, field)) {
      const known = Object.keys(specFields);
      throw foreign(`it has the unknown field "${field}"${didYouMean(field, known)} Known are ${known.join(", ")}`);
    }
  }
}

function foreign(reason: string): FormatError {
  return new FormatError(
    `This is not a spec of an environment: ${reason}. Give make(...) what \`environment.spec\` gave.`,
    "environment spec",
  );
}

function isRecord(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
