import type { Metrics } from "../method/index.js";
import type { Estimate } from "./estimate.js";
import type { Evaluation, LawReport, SdeReport } from "./evaluate.js";

/** An evaluation as a Markdown table, a row for each law. */
export function evaluationTable({ samplers }: Evaluation): string {
  const rows = Object.entries(samplers).flatMap(([name, { sde, ode, custom }]) => [
    ...(sde ? [rowOf(`${name}, SDE`, sde, sde)] : []),
    ...(ode ? [rowOf(`${name}, ODE`, ode)] : []),
    ...(custom ? [rowOf(name, custom, undefined, custom.diagnostics)] : []),
  ]);
  const columns = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  const lines = rows.map((row) => `| ${columns.map((column) => row.get(column) ?? "").join(" | ")} |`);
  return [`| ${columns.join(" | ")} |`, `| ${columns.map(() => "---").join(" | ")} |`, ...lines].join("\n");
}

function rowOf(name: string, law: LawReport, sde?: SdeReport, diagnostics: Metrics = {}): Map<string, string> {
  const row = new Map([
    ["sampler", name],
    ["reward", plusMinus(law.reward)],
    ["valid", short(law.validFraction)],
  ]);
  if (sde !== undefined) {
    row.set("path KL", plusMinus(sde.klPath));
    row.set("path ESS", sde.pathEss === undefined ? "" : short(sde.pathEss));
  }
  if (law.diversity !== undefined) {
    row.set("diversity", short(law.diversity));
  }
  for (const [held, value] of Object.entries(law.heldOut)) {
    row.set(held, plusMinus(value));
  }
  for (const [found, value] of Object.entries(law.exact)) {
    row.set(found, short(value));
  }
  for (const [found, value] of Object.entries(diagnostics).filter(([found]) => !row.has(found))) {
    row.set(found, short(value));
  }
  return row;
}

function plusMinus({ mean, standardError }: Estimate): string {
  return `${short(mean)} ± ${short(standardError)}`;
}

function short(value: number): string {
  return value.toPrecision(3);
}
