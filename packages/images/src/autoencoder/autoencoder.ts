import { ArgumentError, DDTensor, IncompatibleError, type SampleStreams, ShapeError, Tensor } from "@diffusiongym/core";
import { type Checkpointing, GraphBuilder, Network, prune } from "@diffusiongym/nn";

/** Parts of an `Autoencoder`. */
export interface AutoencoderOptions {
  /** Takes latents [n, c, h, w] and gives images [n, 3, H, W] in [-1, 1]. */
  readonly decoder: Network;
  /**
   * Gives the network that takes images [n, 3, H, W] in [-1, 1] and gives latents, or their means and then the logarithms of their
   * variances; called when first needed. @default none; `encode` is then an error
   */
  readonly openEncoder?: () => Promise<Network>;
  /** Factor by which latents are larger than what the decoder takes. @default 0.18215 */
  readonly scalingFactor?: number;
  /** Added to what the encoder gives before it is scaled, with the sign turned. @default 0 */
  readonly shiftFactor?: number;
  /** Images that are decoded, encoded or differentiated at once; more are faster on some devices and take more memory. @default 1 */
  readonly batchSize?: number;
  /** Compute parts of the decoder twice in place of keeping them when gradients are taken. @default keep all */
  readonly checkpoint?: Checkpointing;
}

/**
 * The autoencoder of a latent diffusion model (arXiv 2112.10752): latents are z = scalingFactor (encoder(image) - shiftFactor),
 * images decoder(z / scalingFactor + shiftFactor), here in [0, 1]. One image at a time unless told otherwise, because
 * a decoder of 512 x 512 pixels takes gigabytes for each.
 */
export class Autoencoder {
  readonly scalingFactor: number;
  readonly shiftFactor: number;
  readonly batchSize: number;
  /** The decoder, with images in [0, 1] as its output. */
  readonly #decoder: Network;
  readonly #latents: string;
  readonly #checkpoint: Checkpointing | undefined;
  readonly #openEncoder: (() => Promise<Network>) | undefined;
  #encoder: Promise<Network> | undefined;

  /** @throws ArgumentError for factors and sizes that make no sense; IncompatibleError for a decoder that is none */
  constructor(options: AutoencoderOptions) {
    const { decoder, scalingFactor = 0.18215, shiftFactor = 0, batchSize = 1 } = options;
    if (!Number.isFinite(scalingFactor) || scalingFactor === 0 || !Number.isFinite(shiftFactor)) {
      throw new ArgumentError(
        `scalingFactor must be a number other than 0 and shiftFactor a number, got ${scalingFactor} and ${shiftFactor}.`,
        "scalingFactor",
        scalingFactor,
      );
    }
    if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
      throw new ArgumentError(
        `batchSize must be a whole number >= 1, got ${String(batchSize)}.`,
        "batchSize",
        batchSize,
      );
    }
    const [input] = decoder.inputs;
    if (decoder.inputs.length !== 1 || input!.shape.length !== 4 || decoder.outputs.length !== 1) {
      throw new IncompatibleError(
        `A decoder takes latents [n, c, h, w] and gives images; this network takes ` +
          `${decoder.inputs.map(({ name, shape }) => `${name} [${shape.join(", ")}]`).join(", ")} and gives ${decoder.outputs.join(", ")}.`,
      );
    }
    this.scalingFactor = scalingFactor;
    this.shiftFactor = shiftFactor;
    this.batchSize = batchSize;
    this.#latents = input!.name;
    this.#checkpoint = options.checkpoint;
    this.#decoder = withUnitImages(decoder);
    this.#openEncoder = options.openEncoder;
  }

  /** True when images can be encoded. */
  get canEncode(): boolean {
    return this.#openEncoder !== undefined;
  }

  /**
   * Images in [0, 1] of latents [n, c, h, w]; no latents give no images, as they are.
   * @throws ShapeError when the decoder takes latents of another shape
   */
  async decode(latents: DDTensor): Promise<DDTensor> {
    return this.#parts(latents, async (part) => {
      const outputs = await this.#decoder.run({ [this.#latents]: this.#unscaled(part) });
      return outputs[image]! as Tensor<Float32Array>;
    });
  }

  /**
   * The gradient of <cotangents, decode(latents)> with respect to the latents; zero through pixels that are limited to [0, 1].
   * @param cotangents of the images' shape
   */
  async decodeVjp(latents: DDTensor, cotangents: DDTensor): Promise<DDTensor> {
    if (cotangents.length !== latents.length) {
      throw new ShapeError(
        `decodeVjp: ${cotangents.length} cotangents for ${latents.length} latents.`,
        [latents.length],
        [cotangents.length],
      );
    }
    return this.#parts(latents, async (part, from) => {
      const { gradients } = await this.#decoder.vjp(
        { [this.#latents]: this.#unscaled(part) },
        { [image]: cotangents.slice(from, from + part.length).tensor },
        { wrt: [this.#latents], ...(this.#checkpoint !== undefined && { checkpoint: this.#checkpoint }) },
      );
      const data = gradients[this.#latents]!.data as Float32Array;
      return new Tensor(
        data.map((value) => value / this.scalingFactor),
        part.shape,
      );
    });
  }

  /**
   * Latents of images in [0, 1]: their means, or draws from their normal distributions.
   * @param images [n, 3, H, W]
   * @param streams one a sample, for draws. @default none, for means
   * @throws IncompatibleError when there is no encoder
   */
  async encode(images: DDTensor, streams?: SampleStreams): Promise<DDTensor> {
    if (this.#openEncoder === undefined) {
      throw new IncompatibleError("The model came without an encoder (vae_encoder), so images cannot be encoded.");
    }
    this.#encoder ??= this.#openEncoder();
    this.#encoder.catch(() => {
      this.#encoder = undefined;
    });
    const encoder = await this.#encoder;
    const [input] = encoder.inputs;
    const { channels } = this;
    return this.#parts(images, async (part, from) => {
      const outputs = await encoder.run({ [input!.name]: part.scale(2).sub(1).tensor });
      const moments = outputs[encoder.outputs[0]!]! as Tensor<Float32Array>;
      const given = moments.shape[1]!;
      if (channels !== undefined && given !== channels && given !== 2 * channels) {
        throw new IncompatibleError(
          `The encoder gives ${given} channels and the decoder takes ${channels}; they are of different models.`,
        );
      }
      const count = channels ?? given / 2;
      return this.#latentsOf(moments, { count, from, ...(given === 2 * count && streams && { streams }) });
    });
  }

  /** Channels of the latents, where the decoder says it. */
  get channels(): number | undefined {
    const channels = this.#decoder.inputs[0]!.shape[1];
    return typeof channels === "number" ? channels : undefined;
  }

  #unscaled(latents: DDTensor): Tensor<Float32Array> {
    return latents.linearCombination(1 / this.scalingFactor, []).add(this.shiftFactor).tensor;
  }

  /** Scaled latents from means [m, count, ...], which logarithms of variances may follow in the same rows. */
  #latentsOf(
    { data, shape }: Tensor<Float32Array>,
    { count, from, streams }: { count: number; from: number; streams?: SampleStreams },
  ): Tensor<Float32Array> {
    const [rows, channels, height, width] = shape as [number, number, number, number];
    const [row, kept] = [channels * height * width, count * height * width];
    const latents = new Float32Array(rows * kept);
    for (let i = 0; i < rows; i++) {
      const noise = new Float32Array(streams === undefined ? 0 : kept);
      streams?.at(from + i).fillNormal(noise);
      for (let j = 0; j < kept; j++) {
        const deviation =
          streams === undefined ? 0 : Math.exp(Math.min(Math.max(data[i * row + kept + j]!, -30), 20) / 2) * noise[j]!;
        latents[i * kept + j] = (data[i * row + j]! + deviation - this.shiftFactor) * this.scalingFactor;
      }
    }
    return new Tensor(latents, [rows, count, height, width]);
  }

  /** Works a batch through in parts. */
  async #parts(
    batch: DDTensor,
    work: (part: DDTensor, from: number) => Promise<Tensor<Float32Array>>,
  ): Promise<DDTensor> {
    let whole: Tensor<Float32Array> | undefined;
    for (let from = 0; from < batch.length; from += this.batchSize) {
      const { data, shape } = await work(batch.slice(from, from + this.batchSize), from);
      const rest = shape.slice(1);
      const size = rest.reduce((product, axis) => product * axis, 1);
      whole ??= Tensor.zeros([batch.length, ...rest]);
      whole.data.set(data, from * size);
    }
    return whole === undefined ? batch : new DDTensor(whole);
  }
}

/** Name of the decoder's output. */
const image = "image.unit";

/** The decoder with (y + 1) / 2, limited to [0, 1], as its output, so that its gradient is in the same graph. */
function withUnitImages(decoder: Network): Network {
  const g = new GraphBuilder(decoder.graph);
  const [output] = decoder.outputs;
  g.output(image, g.min(g.max(g.add(g.mul(g.value(output!), 0.5), 0.5), 0), 1));
  const { graph } = g.build();
  return new Network(prune(graph, { outputs: [image] }), decoder.parameters, { engine: decoder.engine });
}
