import { IncompatibleError, Tensor } from "@diffusiongym/core";
import { GraphBuilder, type Network, type ValueInfo } from "@diffusiongym/nn";
import type { ClipTokenizer } from "../tokenizer/index.js";

/** Parts of a `ClipTextEmbedder`. */
export interface ClipTextEmbedderOptions {
  /** The text encoder: takes token ids [n, length] and gives embeddings [n, d], perhaps among other things. */
  readonly encoder: Network;
  /** What turns texts into token ids. */
  readonly tokenizer: ClipTokenizer;
  /** Name of the encoder's file, for messages. */
  readonly file: string;
}

/** Texts whose embeddings are kept. */
const largestCache = 10_000;

/** CLIP's text encoder (arXiv 2103.00020): embeddings of length 1, each text computed once. */
export class ClipTextEmbedder {
  readonly #encoder: Network;
  readonly #tokenizer: ClipTokenizer;
  readonly #ids: ValueInfo;
  readonly #mask: ValueInfo | undefined;
  readonly #output: string;
  readonly #file: string;
  readonly #known = new Map<string, Promise<Float32Array>>();

  /** @throws IncompatibleError when the encoder is none, or the tokenizer is another's */
  constructor({ encoder, tokenizer, file }: ClipTextEmbedderOptions) {
    const ids = encoder.inputs.find(({ name }) => name === "input_ids");
    const mask = encoder.inputs.find(({ name }) => name === "attention_mask");
    const builder = new GraphBuilder(encoder.graph);
    const matrices = encoder.outputs.filter((name) => builder.value(name).shape.length === 2);
    const output = matrices.find((name) => name === "text_embeds") ?? (matrices.length === 1 ? matrices[0] : undefined);
    if (ids === undefined || output === undefined || encoder.inputs.some((input) => input !== ids && input !== mask)) {
      throw new IncompatibleError(
        `${file} takes ${encoder.inputs.map(({ name }) => name).join(", ")} and gives ${encoder.outputs.join(", ")}. CLIP's text ` +
          "encoder takes input_ids [n, length], perhaps attention_mask, and gives text_embeds [n, d]: the whole encoder with its " +
          "projection is needed (CLIPTextModelWithProjection in Python).",
      );
    }
    const length = ids.shape[1];
    if (typeof length === "number" && length !== tokenizer.maxLength) {
      throw new IncompatibleError(
        `${file} takes texts of ${length} tokens and the tokenizer makes ${tokenizer.maxLength}; they are not of one model.`,
      );
    }
    this.#encoder = encoder;
    this.#tokenizer = tokenizer;
    this.#ids = ids;
    this.#mask = mask;
    this.#output = output;
    this.#file = file;
  }

  /**
   * Embeddings t / |t| of texts.
   * @returns shape [texts, d]
   * @throws ArgumentError for what is no text
   */
  async embed(texts: readonly string[]): Promise<Tensor<Float32Array>> {
    const rows = await Promise.all(texts.map((text) => this.#embedded(text)));
    const width = rows[0]?.length ?? 0;
    const out = Tensor.zeros([texts.length, width]);
    rows.forEach((row, i) => {
      out.data.set(row, i * width);
    });
    return out;
  }

  #embedded(text: string): Promise<Float32Array> {
    let known = this.#known.get(text);
    if (known === undefined) {
      known = this.#compute(text);
      this.#known.set(text, known);
      if (this.#known.size > largestCache) {
        this.#known.delete(this.#known.keys().next().value!);
      }
      known.catch(() => this.#known.delete(text));
    }
    return known;
  }

  async #compute(text: string): Promise<Float32Array> {
    const { ids, mask } = this.#tokenizer.encode(text);
    const shape = [1, ids.length];
    const inputs = {
      [this.#ids.name]: new Tensor(ids, shape),
      ...(this.#mask && { [this.#mask.name]: new Tensor(Int32Array.from(mask), shape) }),
    };
    const embedding = (await this.#encoder.run(inputs))[this.#output]!.data as Float32Array;
    const length = Math.hypot(...embedding);
    if (!(length > 0 && length < Number.POSITIVE_INFINITY)) {
      throw new IncompatibleError(`${this.#file} gives an embedding of length ${length} for ${JSON.stringify(text)}.`);
    }
    return embedding.map((value) => value / length);
  }
}
