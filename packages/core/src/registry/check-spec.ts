import type { EnvironmentSpec } from "../environments/index.js";
import { FormatError, nearestName } from "../errors/index.js";

const fields: { readonly [F in keyof Required<EnvironmentSpec>]: true } = {
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
    throw foreign(`it is ${spec === null ? "null" : Array.isArray(spec) ? "an array" : `a ${typeof spec}`}`);
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
    if (!(field in fields)) {
      const nearest = nearestName(field, Object.keys(fields));
      throw foreign(
        `it has the unknown field "${field}"${nearest === undefined ? "" : ` (did you mean "${nearest}"?)`}; ` +
          `known are ${Object.keys(fields).join(", ")}`,
      );
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
