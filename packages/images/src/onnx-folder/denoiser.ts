import { type Diffusion, IncompatibleError } from "@diffusiongym/core";
import {
  type Dimension,
  type Graph,
  GraphBuilder,
  Network,
  rename,
  type ValueInfo,
  valueNames,
} from "@diffusiongym/nn";

/** What `adaptDenoiser` is told. */
export interface DenoiserOptions {
  /** Name of the file, for messages. */
  readonly file: string;
  /** The path that the network was trained on. */
  readonly scheduler: Diffusion;
  /** What the network returns; `v_prediction` is turned into endpoints. */
  readonly prediction: "epsilon" | "sample" | "v_prediction";
}

/** A network that takes states and steps, with the names of its inputs. */
export interface Denoiser {
  readonly network: Network;
  /** The input that takes the state, [n, c, h, w]. */
  readonly state: string;
  /** The input that takes the step of each sample, float32 [n]. */
  readonly time: string;
  /** The other inputs. */
  readonly others: readonly ValueInfo[];
  /** True when the network itself takes one step for all samples of a run, so that those of a run must be equal. */
  readonly oneTime: boolean;
}

/**
 * A network of diffusers, U-Net or transformer, as `GuidedModel` takes it: steps are floats, one a sample, whatever the file
 * wants (integers, one for all); and a network of v = alpha x0 - beta x1 (arXiv 2202.00512) gives the endpoint
 * x1 = alpha x - beta v, within the graph, so that what is trained and differentiated is the endpoint too.
 * @throws IncompatibleError for inputs and outputs that are not those of such a network
 */
export function adaptDenoiser(network: Network, { file, scheduler, prediction }: DenoiserOptions): Denoiser {
  const state = network.inputs.find(({ shape, type }) => shape.length === 4 && type === "float32");
  const time = network.inputs.find(({ name, shape }) => /^(timesteps?|t)$/.test(name) && shape.length <= 1);
  if (state === undefined || time === undefined || network.outputs.length !== 1) {
    throw new IncompatibleError(
      `${file} takes ${printedInputs(network.inputs)} and gives ${network.outputs.join(", ")}. A denoiser takes the state, float32 ` +
        "[n, c, h, w], and timestep, and gives one output.",
    );
  }
  const stepped = withSteps(network, time, state.shape[0]!);
  const name = stepsName(time);
  return {
    network: prediction === "v_prediction" ? withEndpoint(stepped, scheduler, state.name, name) : stepped,
    state: state.name,
    time: name,
    others: network.inputs.filter((input) => input !== state && input !== time),
    oneTime: time.shape.length === 0 || time.shape[0] === 1,
  };
}

const stepsName = ({ name }: ValueInfo): string => `${name}.float`;

/** `sample: float32 [n, 4, 64, 64]; ...` for messages. */
export function printedInputs(inputs: readonly ValueInfo[]): string {
  return inputs.map(({ name, type, shape }) => `${name}: ${type} [${shape.join(", ")}]`).join("; ");
}

/** The network with an input of floats, one a sample, from which the nodes in front of it make what it takes. */
function withSteps(network: Network, time: ValueInfo, samples: Dimension): Network {
  const name = stepsName(time);
  const g = new GraphBuilder("steps");
  const steps = g.input(name, [samples]);
  const rank = time.shape.length;
  const taken = rank === 1 && time.shape[0] !== 1 ? steps : g.slice(steps, { starts: [0], ends: [1], axes: [0] });
  const shaped = rank === 0 ? g.reshape(taken, []) : taken;
  g.output(time.name, time.type === "float32" ? shaped : g.cast(shaped, time.type));
  const made = g.build().graph;
  const inner = [...valueNames(made)].filter((value) => value !== name && value !== time.name);
  const before = rename(made, new Map(inner.map((value) => [value, `steps.${value}`])));
  const { graph } = network;
  const joined: Graph = {
    ...graph,
    inputs: graph.inputs.map((input) =>
      input.name === time.name ? { name, type: "float32", shape: [samples] } : input,
    ),
    nodes: [...before.nodes.map((node) => ({ ...node, name: `steps.${node.name}` })), ...graph.nodes],
    initializers: new Map([...before.initializers, ...graph.initializers]),
    valueInfo: new Map([...before.valueInfo, ...graph.valueInfo, [time.name, { type: time.type, shape: time.shape }]]),
  };
  return new Network(joined, network.parameters, { engine: network.engine });
}

function withEndpoint(network: Network, scheduler: Diffusion, state: string, time: string): Network {
  const g = new GraphBuilder(network.graph);
  const step = g.cast(g.value(time), "int64");
  const factor = (of: (alphaBar: number) => number): ValueInfo =>
    g.unsqueeze(g.gather(g.floats(scheduler.alphaBar.map(of)), step, 0), [1, 2, 3]);
  const [alpha, beta] = [factor(Math.sqrt), factor((alphaBar) => Math.sqrt(1 - alphaBar))];
  const [output] = network.outputs;
  g.output("endpoint", g.sub(g.mul(alpha, g.value(state)), g.mul(beta, g.value(output!))));
  const { graph } = g.build();
  return new Network({ ...graph, outputs: ["endpoint"] }, network.parameters, { engine: network.engine });
}
