import { IncompatibleError } from "@diffusiongym/core";
import { type Graph, GraphBuilder, Network, type ValueInfo } from "@diffusiongym/nn";

/** A network with the names of its inputs. */
export interface NamedUnet {
  readonly network: Network;
  /** The input that takes the state. */
  readonly state: string;
  /** The input that takes the step. */
  readonly time: string;
}

/**
 * An ONNX U-Net as the loaded ones are: whatever its inputs are called, one is the state [n, c, h, w] and the other the steps
 * [n]; steps of integers are converted within the graph.
 * @param file its name, for messages
 * @throws IncompatibleError for another signature
 */
export function adaptOnnxUnet(network: Network, file: string): NamedUnet {
  const state = network.inputs.find(({ shape }) => shape.length === 4);
  const time = network.inputs.find((input) => input !== state);
  const output = network.outputs.length === 1;
  if (
    network.inputs.length !== 2 ||
    !output ||
    state?.type !== "float32" ||
    time === undefined ||
    time.shape.length > 1
  ) {
    throw wrongSignature(network, file, "");
  }
  if (time.shape.length === 0 || time.shape[0] === 1) {
    throw wrongSignature(
      network,
      file,
      ` "${time.name}" holds one step for the whole batch: export it with a step a sample (a dynamic axis).`,
    );
  }
  if (time.type === "float32") {
    return { network, state: state.name, time: time.name };
  }
  if (time.type !== "int64" && time.type !== "int32") {
    throw wrongSignature(network, file, "");
  }
  return { network: withFloatSteps(network, time), state: state.name, time: `${time.name}.float` };
}

/** The network with an input of floats that are converted to the integers it takes. */
function withFloatSteps(network: Network, time: ValueInfo): Network {
  const name = `${time.name}.float`;
  const g = new GraphBuilder("steps");
  g.output(time.name, g.cast(g.input(name, time.shape), time.type));
  const steps = g.build().graph;
  const { graph } = network;
  const joined: Graph = {
    ...graph,
    inputs: graph.inputs.map((input) => (input.name === time.name ? { ...input, name, type: "float32" } : input)),
    nodes: [...steps.nodes.map((node) => ({ ...node, name: `steps.${node.name}` })), ...graph.nodes],
    valueInfo: new Map([...graph.valueInfo, [time.name, { type: time.type, shape: time.shape }]]),
  };
  return new Network(joined, network.parameters, { engine: network.engine });
}

function wrongSignature(network: Network, file: string, more: string): IncompatibleError {
  const inputs = network.inputs.map(({ name, type, shape }) => `${name}: ${type} [${shape.join(", ")}]`).join("; ");
  return new IncompatibleError(
    `${file} takes ${inputs} and gives ${network.outputs.join(", ")}. A U-Net of pixels takes the state, float32 [n, c, h, w], ` +
      `and the step of each sample, [n], and gives one output.${more}`,
  );
}
