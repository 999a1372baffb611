import { ArgumentError } from "@diffusiongym/core";
import type { ParameterDeclaration } from "../ir/index.js";
import type { AdaptableWeight } from "./targets.js";

/** One adapted module: y = W x + b + scale B (A x). */
export interface LoraModule extends Omit<AdaptableWeight, "nodes"> {
  readonly rank: number;
  readonly alpha: number;
  /** Factor of B (A x). */
  readonly scale: number;
  /** Shape of A in PyTorch's layout: [rank, in], or [rank, in, ...kernel]. */
  readonly shapeA: readonly number[];
  /** Shape of B in PyTorch's layout: [out, rank], or [out, rank / groups, 1, ...]. */
  readonly shapeB: readonly number[];
}

/** Rank and alpha of one module. */
export interface LoraSetting {
  readonly rank: number;
  readonly alpha: number;
}

/** Names of the parameters of a module. */
export const loraNames = (module: string): { readonly a: string; readonly b: string } => ({
  a: `${module}.lora_A.weight`,
  b: `${module}.lora_B.weight`,
});

/**
 * A module with its adapters.
 * @param stabilized scale by alpha / sqrt(rank) instead of alpha / rank
 * @throws ArgumentError for a rank that is no whole number >= 1 or that the groups of a convolution do not divide
 */
export function moduleOf(
  weight: Omit<AdaptableWeight, "nodes">,
  { rank, alpha }: LoraSetting,
  stabilized: boolean,
): LoraModule {
  const { module, layout, shape, groups } = weight;
  if (!Number.isInteger(rank) || rank < 1 || rank % groups !== 0) {
    throw new ArgumentError(
      `LoRA: the rank of "${module}" is ${rank}; it must be a whole number >= 1${groups > 1 ? ` that its ${groups} groups divide` : ""}.`,
      "rank",
      rank,
    );
  }
  if (!Number.isFinite(alpha)) {
    throw new ArgumentError(`LoRA: the alpha of "${module}" is ${alpha}; it must be finite.`, "alpha", alpha);
  }
  const [out, inputs] = layout === "in-out" ? [shape[1]!, shape[0]!] : [shape[0]!, shape[1]! * groups];
  const kernel = shape.slice(2);
  return {
    ...weight,
    rank,
    alpha,
    scale: alpha / (stabilized ? Math.sqrt(rank) : rank),
    shapeA: [rank, inputs, ...kernel],
    shapeB: [out, rank / groups, ...kernel.map(() => 1)],
  };
}

/** How A and B start. */
export function declarationsOf({ module, shapeA, shapeB }: LoraModule): ParameterDeclaration[] {
  const { a, b } = loraNames(module);
  const fanIn = shapeA.slice(1).reduce((product, length) => product * length, 1);
  // Kaiming-uniform with slope a: sqrt(6 / ((1 + a^2) fanIn)), which for a = sqrt(5) is 1 / sqrt(fanIn).
  const bound = 1 / Math.sqrt(Math.max(1, fanIn));
  return [
    { name: a, shape: shapeA, initialization: { kind: "uniform", low: -bound, high: bound } },
    { name: b, shape: shapeB, initialization: { kind: "constant", value: 0 } },
  ];
}
