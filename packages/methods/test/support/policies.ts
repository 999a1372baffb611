import {
  type BaseModel,
  type DDTensor,
  type NoConditioning,
  OptimalTransport,
  type OutputType,
  RandomKey,
} from "@diffusiongym/core";
import { ResidualPolicy, type ResidualScale } from "@diffusiongym/methods";
import {
  fourierTimeFeatures,
  GraphBuilder,
  linear,
  Network,
  type NetworkDefinition,
  NetworkModel,
  silu,
  zeros,
} from "@diffusiongym/nn";

/** A network for points that depends on the state and the time: `depth` SiLU layers and a head that starts at 0. */
export function pointNetwork(dimension: number, { width = 64, depth = 3 } = {}): NetworkDefinition {
  const g = new GraphBuilder("residual");
  let hidden = g.concat([g.input("x", ["N", dimension]), fourierTimeFeatures(g, g.input("t", ["N"]))], 1);
  for (let layer = 0; layer < depth; layer++) {
    hidden = silu(g, linear(g, hidden, { name: `layers.${layer}`, out: width }));
  }
  g.output("output", linear(g, hidden, { name: "head", out: dimension, initialization: zeros }));
  return g.build();
}

/** A network of two parameters, out = weight x + bias. */
export function lineNetwork(): NetworkDefinition {
  const g = new GraphBuilder("line");
  g.input("t", ["N"]);
  g.output("output", linear(g, g.input("x", ["N", 1]), { name: "line", out: 1, initialization: zeros }));
  return g.build();
}

/** Options of `residualPolicy`. */
export interface ResidualOptions {
  readonly definition?: NetworkDefinition;
  readonly scale?: ResidualScale;
  readonly seed?: number;
  readonly dimension?: number;
}

/** A residual policy over a base model of points that starts at the base model. */
export function residualPolicy(
  base: BaseModel<DDTensor, NoConditioning>,
  { definition, scale = "one", seed = 1, dimension = 1 }: ResidualOptions = {},
): ResidualPolicy {
  const network = Network.initialize(
    definition ?? pointNetwork(dimension, { width: 16, depth: 1 }),
    RandomKey.fromSeed(seed).fold("policy"),
  );
  return new ResidualPolicy({ base, correction: pointModel(network, dimension, base.outputType), scale });
}

/** A network as a model of points on the linear path. */
export function pointModel(network: Network, dimension: number, outputType: OutputType = "velocity"): NetworkModel {
  return new NetworkModel({ network, outputType, scheduler: new OptimalTransport(), start: [dimension] });
}
