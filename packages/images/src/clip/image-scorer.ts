import { ArgumentError, DDTensor, IncompatibleError, NonFiniteError, ShapeError, Tensor } from "@diffusiongym/core";
import { GraphBuilder, Network, prune, type ValueInfo } from "@diffusiongym/nn";
import type { ClipPreprocessing } from "./preprocessing.js";

/** Parts of a `ClipImageScorer`. */
export interface ClipImageScorerOptions {
  /** The image encoder: takes pixels [n, 3, size, size] and gives embeddings [n, d], perhaps among other things. */
  readonly encoder: Network;
  /** What the encoder wants to see. */
  readonly preprocessing: ClipPreprocessing;
  /** Name of the encoder's file, for messages. */
  readonly file: string;
  /** Images in one run of the encoder; gradients are taken one image at a time. @default 4 */
  readonly batchSize?: number;
}

/** Scores of images with their gradient. */
export interface ImageScores {
  /** Shape [n]. */
  readonly scores: Float32Array;
  /** d scores[i] / d images[i], of the shape of the images. */
  readonly gradient: DDTensor;
}

const unitName = "clip.unit";
const scoreName = "clip.score";
const directionName = "clip.direction";

/**
 * CLIP's image encoder (arXiv 2103.00020): e_i for each image, and scores <e_i / |e_i|, w_i> along directions w_i that are given,
 * with their gradient with respect to the pixels.
 */
export class ClipImageScorer {
  /** Length d of an embedding. */
  readonly width: number;
  readonly #network: Network;
  readonly #pixels: string;
  readonly #preprocessing: ClipPreprocessing;
  readonly #batchSize: number;

  /** @throws IncompatibleError when the encoder is none; ArgumentError */
  constructor({ encoder, preprocessing, file, batchSize = 4 }: ClipImageScorerOptions) {
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new ArgumentError(`batchSize must be a whole number >= 1, got ${batchSize}.`, "batchSize", batchSize);
    }
    const { pixels, embedding, width } = signatureOf(encoder, preprocessing.size, file);
    this.width = width;
    this.#pixels = pixels.name;
    this.#network = withScores(encoder, embedding, width);
    this.#preprocessing = preprocessing;
    // Some files are exported for one image at a time.
    this.#batchSize = pixels.shape[0] === 1 ? 1 : batchSize;
  }

  /**
   * Embeddings e_i / |e_i| of images, of length 1.
   * @param images [n, c, h, w] in [0, 1], one or three channels
   * @returns shape [n, d]
   * @throws ShapeError
   */
  async embed(images: DDTensor): Promise<Tensor<Float32Array>> {
    const out = Tensor.zeros([images.length, this.width]);
    for (let start = 0; start < images.length; start += this.#batchSize) {
      const part = images.slice(start, start + this.#batchSize);
      const units = await this.#run(part, Tensor.zeros([part.length, this.width]), unitName);
      out.data.set(units, start * this.width);
    }
    return out;
  }

  /**
   * <e_i / |e_i|, w_i>.
   * @param images [n, c, h, w] in [0, 1], one or three channels
   * @param directions w, shape [n, d], or [1, d] for one that all images share
   * @returns shape [n]
   * @throws ShapeError; NonFiniteError naming the sample
   */
  async score(images: DDTensor, directions: Tensor<Float32Array>): Promise<Float32Array> {
    const rows = this.#rows(images, directions);
    const scores = new Float32Array(images.length);
    for (let start = 0; start < images.length; start += this.#batchSize) {
      const part = images.slice(start, start + this.#batchSize);
      scores.set(await this.#run(part, rows(start, start + part.length), scoreName), start);
    }
    requireFinite(scores);
    return scores;
  }

  /** The scores, and their gradient with respect to the pixels. @throws as `score` */
  async gradient(images: DDTensor, directions: Tensor<Float32Array>): Promise<ImageScores> {
    const rows = this.#rows(images, directions);
    const scores = new Float32Array(images.length);
    const gradients: DDTensor[] = [];
    for (let i = 0; i < images.length; i++) {
      const image = images.slice(i, i + 1);
      const inputs = { [this.#pixels]: this.#preprocessing.apply(image), [directionName]: rows(i, i + 1) };
      const { outputs, gradients: found } = await this.#network.vjp(inputs, "ones", {
        wrt: [this.#pixels],
        outputs: [scoreName],
        keep: [scoreName],
      });
      scores[i] = outputs[scoreName]!.data[0]!;
      gradients.push(this.#preprocessing.vjp(image, found[this.#pixels]!));
    }
    requireFinite(scores);
    return { scores, gradient: gradients.length === 0 ? images.zerosLike() : DDTensor.collate(gradients) };
  }

  async #run(images: DDTensor, directions: Tensor<Float32Array>, output: string): Promise<Float32Array> {
    const inputs = { [this.#pixels]: this.#preprocessing.apply(images), [directionName]: directions };
    return (await this.#network.run(inputs))[output]!.data as Float32Array;
  }

  /** The directions of a range of images. */
  #rows(images: DDTensor, { data, shape }: Tensor<Float32Array>): (start: number, end: number) => Tensor<Float32Array> {
    const { width } = this;
    const shared = shape[0] === 1;
    if (shape.length !== 2 || shape[1] !== width || !(shared || shape[0] === images.length)) {
      throw new ShapeError(
        `Directions of shape [${shape.join(", ")}] do not fit ${images.length} embeddings of ${width} numbers.`,
        [images.length, width],
        shape,
      );
    }
    return (start, end) => {
      const rows = Tensor.zeros([end - start, width]);
      for (let i = start; i < end; i++) {
        rows.data.set(shared ? data : data.subarray(i * width, (i + 1) * width), (i - start) * width);
      }
      return rows;
    };
  }
}

interface EncoderSignature {
  /** The input that takes the pixels. */
  readonly pixels: ValueInfo;
  /** The output that gives the embeddings. */
  readonly embedding: string;
  /** Length of an embedding. */
  readonly width: number;
}

function signatureOf(encoder: Network, size: number, file: string): EncoderSignature {
  const [pixels] = encoder.inputs;
  const builder = new GraphBuilder(encoder.graph);
  const named = encoder.outputs.find((name) => name === "image_embeds") ?? matrixOf(encoder, builder);
  const width = named === undefined ? undefined : builder.value(named).shape[1];
  const fits = (axis: unknown, length: number): boolean => typeof axis !== "number" || axis === length;
  if (
    encoder.inputs.length !== 1 ||
    pixels === undefined ||
    pixels.type !== "float32" ||
    pixels.shape.length !== 4 ||
    !fits(pixels.shape[1], 3) ||
    named === undefined ||
    typeof width !== "number"
  ) {
    throw new IncompatibleError(
      `${file} takes ${encoder.inputs.map(({ name, shape }) => `${name} [${shape.join(", ")}]`).join("; ")} and gives ` +
        `${encoder.outputs.join(", ")}. CLIP's image encoder takes pixels [n, 3, h, w] and gives image_embeds [n, d]: the whole ` +
        "encoder with its projection is needed (CLIPVisionModelWithProjection in Python).",
    );
  }
  if (!fits(pixels.shape[2], size) || !fits(pixels.shape[3], size)) {
    throw new IncompatibleError(
      `${file} takes images of ${pixels.shape[2]} x ${pixels.shape[3]} pixels, and its configuration says ${size} x ${size}.`,
    );
  }
  return { pixels, embedding: named, width };
}

/** The only output that is a matrix. */
function matrixOf(encoder: Network, builder: GraphBuilder): string | undefined {
  const matrices = encoder.outputs.filter((name) => builder.value(name).shape.length === 2);
  return matrices.length === 1 ? matrices[0] : undefined;
}

function withScores(encoder: Network, embedding: string, width: number): Network {
  const g = new GraphBuilder(encoder.graph);
  const embedded = g.value(embedding);
  const length = g.sqrt(g.reduceSum(g.square(embedded), { axes: [1], keepDims: true }));
  const unit = g.div(embedded, length);
  // The exporter's own name of the number of images may be none that an input can have.
  const direction = g.input(directionName, [encoder.inputs[0]!.shape[0]!, width]);
  g.output(unitName, unit);
  g.output(scoreName, g.reduceSum(g.mul(unit, direction), { axes: [1] }));
  const { graph } = g.build();
  return new Network(prune(graph, { outputs: [unitName, scoreName] }), encoder.parameters, { engine: encoder.engine });
}

function requireFinite(scores: Float32Array): void {
  const index = scores.findIndex((score) => !Number.isFinite(score));
  if (index >= 0) {
    throw new NonFiniteError(`CLIP's score of image ${index} is ${scores[index]}.`, "CLIP's scores", index);
  }
}
