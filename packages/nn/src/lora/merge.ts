import { IncompatibleError } from "@diffusiongym/core";
import { constantTensor, type Graph } from "../ir/index.js";
import { type Parameters, requireSameLayout } from "../parameters/index.js";
import type { LoraAdapter } from "./adapter.js";
import { type LoraModule, loraNames } from "./module.js";

/** A graph without adapters, and its parameters. */
export interface MergedGraph {
  readonly graph: Graph;
  readonly parameters: Parameters;
}

/**
 * The base with W + scale B A in place of each adapted W: the same network without the branches. Sums are in double precision
 * and rounded once, so that the same adapters give the same bits everywhere.
 * @param parameters the adapters' A and B
 * @throws IncompatibleError for convolutions in groups, whose product with A is no convolution in groups
 */
export function mergeLora({ base, modules }: LoraAdapter, parameters: Parameters): MergedGraph {
  requireSameLayout(
    "mergeLora",
    modules.flatMap(({ module, shapeA, shapeB }) => {
      const { a, b } = loraNames(module);
      return [[a, { shape: shapeA }] as const, [b, { shape: shapeB }] as const];
    }),
    parameters,
    { anyOrder: true },
  );
  const merged = base.parameters.clone();
  const initializers = new Map(base.graph.initializers);
  for (const module of modules) {
    const { weight, shape } = module;
    if (module.groups > 1) {
      throw new IncompatibleError(
        `mergeLora: "${module.module}" is a convolution in ${module.groups} groups; its adapters read all channels and cannot be merged into it.`,
      );
    }
    if (merged.has(weight)) {
      addProduct(merged.get(weight).data, module, parameters);
    } else {
      const data = (initializers.get(weight)!.data as Float32Array).slice();
      addProduct(data, module, parameters);
      initializers.set(weight, constantTensor("float32", shape, data));
    }
  }
  return { graph: { ...base.graph, initializers }, parameters: merged };
}

/** W = W + scale B A. */
function addProduct(
  weight: Float32Array,
  { module, layout, rank, scale, shapeB }: LoraModule,
  parameters: Parameters,
): void {
  const names = loraNames(module);
  const a = parameters.get(names.a).data;
  const b = parameters.get(names.b).data;
  const out = shapeB[0]!;
  // Entries of A a rank: inputs, times those of the kernel.
  const width = a.length / rank;
  const [rowStride, columnStride] = layout === "in-out" ? [1, out] : [width, 1];
  const row = new Float64Array(width);
  for (let o = 0; o < out; o++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const factor = b[o * rank + r]!;
      for (let i = 0; i < width; i++) {
        row[i]! += factor * a[r * width + i]!;
      }
    }
    for (let i = 0; i < width; i++) {
      const at = o * rowStride + i * columnStride;
      weight[at] = weight[at]! + scale * row[i]!;
    }
  }
}
