import { IncompatibleError, Tensor } from "@diffusiongym/core";
import { Network, prune } from "@diffusiongym/nn";
import type { ClipTokenizer } from "../tokenizer/index.js";

/** Prompts whose embeddings are kept. */
const largestCache = 1000;

/**
 * Turns prompts into what a Stable Diffusion is conditioned on: the last hidden state of a CLIP text encoder, [L, D] for each.
 * A prompt is encoded once, alone, and kept, so that its embedding depends neither on when nor with what else it is asked for.
 */
export class PromptEncoder {
  /** The text encoder, of which only the hidden state is computed. */
  readonly network: Network;
  readonly tokenizer: ClipTokenizer;
  readonly #kept = new Map<string, Promise<Tensor<Float32Array>>>();

  /**
   * @param network takes token ids [n, L], and perhaps an attention mask, and gives hidden states [n, L, D] as
   *   `last_hidden_state` or as its first output of three axes
   * @throws IncompatibleError for another network, or one with fewer embeddings than the tokenizer has tokens
   */
  constructor(tokenizer: ClipTokenizer, network: Network) {
    const ids = network.inputs.find(({ name }) => name !== maskName);
    if (ids === undefined || ids.shape.length !== 2 || network.inputs.length > 2 || !/^u?int/.test(ids.type)) {
      throw new IncompatibleError(
        `A text encoder takes token ids [n, ${tokenizer.maxLength}]; this one takes ` +
          `${network.inputs.map(({ name, type, shape }) => `${name}: ${type} [${shape.join(", ")}]`).join("; ")}.`,
      );
    }
    const rows = vocabularyOf(network);
    if (rows !== undefined && rows < tokenizer.vocabularySize) {
      throw new IncompatibleError(
        `The tokenizer has ${tokenizer.vocabularySize} tokens and the text encoder ${rows} embeddings; they are of different models. ` +
          "Take both from one repository.",
      );
    }
    const { graph } = network;
    const output = network.outputs.includes(stateName)
      ? stateName
      : network.outputs.find((name) => graph.valueInfo.get(name)?.shape.length === 3);
    if (output === undefined) {
      throw new IncompatibleError(
        `A text encoder gives hidden states [n, L, D] as ${stateName}; this one gives ${network.outputs.join(", ")}.`,
      );
    }
    this.tokenizer = tokenizer;
    this.network = new Network(prune(graph, { outputs: [output] }), network.parameters, { engine: network.engine });
  }

  /** Embeddings of prompts, [n, L, D]. */
  async encode(prompts: readonly string[]): Promise<Tensor<Float32Array>> {
    const states = await Promise.all(prompts.map((prompt) => this.#embedding(prompt)));
    const [length = 0, width = 0] = states[0]?.shape ?? [];
    const whole = Tensor.zeros([prompts.length, length, width]);
    for (const [i, { data }] of states.entries()) {
      whole.data.set(data, i * length * width);
    }
    return whole;
  }

  #embedding(prompt: string): Promise<Tensor<Float32Array>> {
    const kept = this.#kept.get(prompt) ?? this.#run(prompt);
    // The one that was not asked for the longest is the first.
    this.#kept.delete(prompt);
    this.#kept.set(prompt, kept);
    if (this.#kept.size > largestCache) {
      this.#kept.delete(this.#kept.keys().next().value!);
    }
    kept.catch(() => this.#kept.delete(prompt));
    return kept;
  }

  async #run(prompt: string): Promise<Tensor<Float32Array>> {
    const { ids } = this.tokenizer.encode(prompt);
    const [output] = this.network.outputs;
    const feeds = this.network.inputs.map(({ name }) => {
      // Stable Diffusion was trained with all tokens attended to, those that fill included.
      const values = name === maskName ? new Int32Array(ids.length).fill(1) : ids;
      return [name, new Tensor(values, [1, ids.length])] as const;
    });
    const states = (await this.network.run(Object.fromEntries(feeds)))[output!] as Tensor<Float32Array>;
    return states.reshape(states.shape.slice(1));
  }
}

const maskName = "attention_mask";
const stateName = "last_hidden_state";

/** Rows of the largest table that the network looks something up in; undefined where there is none. */
function vocabularyOf({ graph }: Network): number | undefined {
  const rows = graph.nodes
    .filter(({ op, domain }) => op === "Gather" && domain === "")
    .map(({ inputs }) => graph.initializers.get(inputs[0]!)?.shape)
    .filter((shape) => shape?.length === 2)
    .map((shape) => shape![0]!);
  return rows.length === 0 ? undefined : Math.max(...rows);
}
