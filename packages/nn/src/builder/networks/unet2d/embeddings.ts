import { type GraphBuilder, type GraphValue, normal } from "../../graph/index.js";
import { embedding, fourierFeatures, linear, silu, sinusoidalFeatures } from "../../layers/index.js";
import type { CompleteUnet2dConfig } from "./config.js";

/** The embedding of time, and of class where there is one: [N, timeEmbeddingDim]. */
export function embedTimeAndClass(g: GraphBuilder, config: CompleteUnet2dConfig, t: GraphValue): GraphValue {
  const { classEmbedType, numClassEmbeds, blockOutChannels, timeEmbeddingDim } = config;
  const out = timeEmbeddingDim ?? 4 * blockOutChannels[0]!;
  const features = timeFeatures(g, config);
  const ofTime = twoLayers(g, features(t), { name: "time_embedding", out });
  switch (classEmbedType) {
    case "timestep": {
      const labels = features(g.input("classLabels", ["N"]));
      return g.add(ofTime, twoLayers(g, labels, { name: "class_embedding", out }));
    }
    case "identity":
      return g.add(ofTime, g.input("classLabels", ["N", out]));
    case null: {
      if (numClassEmbeds === null) {
        return ofTime;
      }
      const labels = g.input("classLabels", ["N"], "int64");
      return g.add(ofTime, embedding(g, labels, { name: "class_embedding", count: numClassEmbeds, dim: out }));
    }
  }
}

/** Features of numbers [N], which times and classes share with their parameters. */
function timeFeatures(g: GraphBuilder, config: CompleteUnet2dConfig): (numbers: GraphValue) => GraphValue {
  const dim = config.blockOutChannels[0]!;
  switch (config.timeEmbeddingType) {
    case "positional":
      return (numbers) =>
        sinusoidalFeatures(g, numbers, {
          dim,
          windowSize: 10_000,
          timeMultiplier: 1,
          frequencyShift: config.freqShift,
          cosinesFirst: config.flipSinToCos,
        });
    case "fourier": {
      const frequencies = g.parameter("time_proj.weight", [dim], normal(16));
      return (numbers) => fourierFeatures(g, g.log(numbers), frequencies);
    }
    case "learned": {
      const rows = g.parameter("time_proj.weight", [config.numTrainTimesteps!, dim], normal(1));
      return (numbers) => g.gather(rows, g.cast(numbers, "int64"), 0);
    }
  }
}

function twoLayers(g: GraphBuilder, x: GraphValue, { name, out }: { name: string; out: number }): GraphValue {
  const hidden = silu(g, linear(g, x, { name: `${name}.linear_1`, out }));
  return linear(g, hidden, { name: `${name}.linear_2`, out });
}
