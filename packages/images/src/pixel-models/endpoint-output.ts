import type { Diffusion } from "@diffusiongym/core";
import { GraphBuilder, Network, prune } from "@diffusiongym/nn";

/**
 * The network of a model trained on v = alpha x0 - beta x1 (arXiv 2202.00512), with an output that is the endpoint
 * x1 = alpha x - beta v instead: in the graph itself, so that what is trained and differentiated is the endpoint too.
 * @param network takes the state [N, c, h, w] and the step k as `inputs` name them, and gives v
 */
export function withEndpointOutput(
  network: Network,
  scheduler: Diffusion,
  { state, time }: { readonly state: string; readonly time: string },
): Network {
  const g = new GraphBuilder(network.graph);
  const step = g.cast(g.value(time), "int64");
  const factor = (table: Float64Array): ReturnType<GraphBuilder["floats"]> =>
    g.unsqueeze(g.gather(g.floats(table), step, 0), [1, 2, 3]);
  const alphaBar = scheduler.alphaBar;
  const alpha = factor(alphaBar.map(Math.sqrt));
  const beta = factor(alphaBar.map((value) => Math.sqrt(1 - value)));
  const v = g.value(network.outputs[0]!);
  g.output("endpoint", g.sub(g.mul(alpha, g.value(state)), g.mul(beta, v)));
  const { graph } = g.build();
  return new Network(prune(graph, { outputs: ["endpoint"] }), network.parameters, { engine: network.engine });
}
