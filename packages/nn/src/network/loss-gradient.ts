import { NonFiniteError, ShapeError, type Tensor } from "@diffusiongym/core";
import { type Checkpointing, vjp } from "../autodiff/index.js";
import { GraphBuilder, type GraphValue } from "../builder/index.js";
import type { Executable, NamedTensors } from "../engine/index.js";
import { type Graph, UniqueNames, type ValueInfo } from "../ir/index.js";
import { type Parameters, requireSameLayout } from "../parameters/index.js";
import type { CompiledGradient, GradientGraph } from "./graph-cache.js";

/**
 * Writes a loss.
 * @param g continues the network's graph; `g.input` declares what else the loss needs, `g.value` finds any value of the network
 * @param outputs the network's outputs by name
 * @returns the loss, a scalar
 */
export type BuildLoss = (g: GraphBuilder, outputs: Readonly<Record<string, GraphValue>>) => GraphValue;

/** Options of `Network.lossGradient`. */
export interface LossOptions {
  /** Outputs of the network that each run gives along with the loss. @default none */
  readonly keep?: readonly string[];
  /** Compute parts of the forward pass twice in place of keeping them, see {@link Checkpointing}. @default keep all */
  readonly checkpoint?: Checkpointing;
}

/** Options of `LossGradient.run`. */
export interface LossRunOptions {
  /** Where the gradients go. @default the network's `gradients` */
  readonly into?: Parameters;
  /** Add to the gradients that are there, for a batch that is worked through in parts. @default false */
  readonly accumulate?: boolean;
}

/** What `LossGradient.run` gives. */
export interface LossResult {
  readonly loss: number;
  /** The outputs that were to be kept. */
  readonly outputs: Record<string, Tensor>;
}

/** What a loss needs of its network. */
export interface LossContext {
  readonly graph: Graph;
  readonly parameters: Parameters;
  readonly defaultGradients: () => Parameters;
  readonly compile: (key: string, make: () => GradientGraph) => Promise<CompiledGradient>;
}

/** A loss of a network and its gradient with respect to the parameters. Made by `Network.lossGradient`. */
export class LossGradient {
  /** What a run must be given: the inputs of the network, and those that the loss declared. */
  readonly inputs: readonly ValueInfo[];
  readonly #context: LossContext;
  readonly #keep: readonly string[];
  readonly #key: string;
  readonly #lossName: string;
  readonly #gradient: GradientGraph;
  #last: { readonly into: Parameters; readonly executable: Executable } | undefined;
  #scratch: Parameters | undefined;

  /** Use `Network.lossGradient`. */
  constructor(build: BuildLoss, { keep = [], checkpoint }: LossOptions, context: LossContext) {
    const { graph, parameters } = context;
    const builder = new GraphBuilder(graph);
    const loss = build(builder, Object.fromEntries(graph.outputs.map((name) => [name, builder.value(name)])));
    if (loss.shape.length !== 0) {
      throw new ShapeError(
        `lossGradient: the loss has the shape [${loss.shape.join(", ")}]; make it a scalar with reduceSum or reduceMean.`,
        [],
      );
    }
    this.#lossName = new UniqueNames(builder.valueNames()).unique("loss");
    builder.output(this.#lossName, loss);
    this.#gradient = vjp(builder.build().graph, {
      wrt: parameters.names,
      outputs: [this.#lossName],
      cotangents: "ones",
      keep: [this.#lossName, ...keep],
      ...(checkpoint !== undefined && { checkpoint }),
    });
    this.#context = context;
    this.#keep = keep;
    this.#key = JSON.stringify([keep, checkpoint]);
    this.inputs = this.#gradient.graph.inputs.filter(({ name }) => !parameters.has(name));
  }

  /**
   * Computes the loss and the gradients of all parameters.
   * @param feeds every input, by name
   * @throws NonFiniteError when the loss is NaN or infinite; the gradients are then worthless, too
   */
  async run(feeds: NamedTensors, options: LossRunOptions = {}): Promise<LossResult> {
    const { into = this.#context.defaultGradients(), accumulate = false } = options;
    const target = accumulate ? this.scratch() : into;
    const executable = await this.boundTo(target);
    const results = await executable.run(feeds);
    const loss = results[this.#lossName]!.data[0]!;
    if (!Number.isFinite(loss)) {
      throw new NonFiniteError(
        `The loss of network "${this.#context.graph.name}" is ${loss}. Look at the inputs, the targets and the parameters; ` +
          "a smaller learning rate or clipping keeps parameters finite.",
        "loss",
      );
    }
    if (accumulate) {
      requireSameLayout("LossGradient.run", into, target);
      addTo(into.data, target.data);
    }
    const outputs: Record<string, Tensor> = {};
    for (const name of this.#keep) {
      outputs[name] = results[name]!;
    }
    return { loss, outputs };
  }

  /** The compiled loss with its gradients going into given arrays; the last one asked for is kept. */
  private async boundTo(into: Parameters): Promise<Executable> {
    if (this.#last?.into === into) {
      return this.#last.executable;
    }
    requireSameLayout("LossGradient.run", this.#context.parameters, into);
    const { executable, gradients } = await this.#context.compile(this.#key, () => this.#gradient);
    const fetches = Array.from(gradients, ([name, output]) => [output, into.get(name)] as const);
    this.#last = { into, executable: executable.bind({ fetches }) };
    return this.#last.executable;
  }

  private scratch(): Parameters {
    this.#scratch ??= this.#context.parameters.zerosLike();
    return this.#scratch;
  }
}

function addTo(sum: Float32Array, term: Float32Array): void {
  for (let i = 0; i < sum.length; i++) {
    sum[i] = sum[i]! + term[i]!;
  }
}
