import { ArgumentError, ShapeError } from "../errors/index.js";
import type { SampleStreams } from "../random/index.js";
import { coefficientOf } from "./coefficient.js";
import { DiffusionData } from "./diffusion-data.js";
import { type BinaryOp, toFloat, type UnaryOp } from "./elementwise.js";
import { combineTensors } from "./linear-combination.js";
import type { Coefficient } from "./protocol.js";
import { checkReduction, type Reduction } from "./reductions.js";
import { type NestedNumbers, resolveIndex, sameShape, sizeOf, Tensor } from "./tensor.js";

/** A batch whose samples are one float32 tensor each: points, images, latents. Shape [length, ...]. */
export class DDTensor extends DiffusionData<DDTensor> {
  readonly tensor: Tensor<Float32Array>;
  readonly length: number;

  /**
   * @param tensor float32, with the batch as its first axis; integers are converted
   * @throws ShapeError for a scalar
   */
  constructor(tensor: Tensor) {
    super();
    const length = tensor.shape[0];
    if (length === undefined) {
      throw new ShapeError("DDTensor: a scalar has no batch axis; reshape it to [1].", undefined, tensor.shape);
    }
    this.tensor = toFloat(tensor);
    this.length = length;
  }

  /** A batch from nested arrays, or from a flat array with its shape. */
  static from(values: NestedNumbers, shape?: readonly number[]): DDTensor {
    return new DDTensor(Tensor.from(values, shape));
  }

  /** Standard normal samples of shape `sampleShape`; sample i draws from its own stream. */
  static randn(length: number, sampleShape: readonly number[], streams: SampleStreams): DDTensor {
    return new DDTensor(Tensor.zeros([length, ...sampleShape])).randnLike(streams);
  }

  /**
   * Joins batches along the batch axis.
   * @throws ShapeError when there are none or their samples differ in shape
   */
  static collate(items: readonly DDTensor[]): DDTensor {
    const first = items[0];
    if (first === undefined) {
      throw new ArgumentError("DDTensor.collate: there is nothing to join; give at least one batch.", "items", items);
    }
    const sampleShape = first.sampleShape;
    const length = items.reduce((sum, item) => sum + item.length, 0);
    const data = new Float32Array(length * sizeOf(sampleShape));
    let offset = 0;
    for (const item of items) {
      if (!sameShape(item.sampleShape, sampleShape)) {
        throw new ShapeError(
          `DDTensor.collate: samples of shape [${sampleShape.join(", ")}] and [${item.sampleShape.join(", ")}] cannot be joined.`,
          sampleShape,
          item.sampleShape,
        );
      }
      data.set(item.data, offset);
      offset += item.data.length;
    }
    return new DDTensor(new Tensor(data, [length, ...sampleShape]));
  }

  /** All entries, row-major. */
  get data(): Float32Array {
    return this.tensor.data;
  }

  /** Shape of the whole batch. */
  get shape(): readonly number[] {
    return this.tensor.shape;
  }

  /** Shape of one sample. */
  get sampleShape(): readonly number[] {
    return this.tensor.shape.slice(1);
  }

  at(index: number): DDTensor {
    const resolved = resolveIndex(this.length, index);
    return this.slice(resolved, resolved + 1);
  }

  slice(start?: number, end?: number): DDTensor {
    return new DDTensor(this.tensor.slice(start, end));
  }

  override take(indices: ArrayLike<number>): DDTensor {
    const stride = this.length === 0 ? 0 : this.data.length / this.length;
    const taken = new Float32Array(indices.length * stride);
    for (let i = 0; i < indices.length; i++) {
      const row = resolveIndex(this.length, indices[i]!);
      taken.set(this.data.subarray(row * stride, (row + 1) * stride), i * stride);
    }
    return new DDTensor(new Tensor(taken, [indices.length, ...this.sampleShape]));
  }

  apply(op: UnaryOp): DDTensor {
    return new DDTensor(op(this.tensor));
  }

  combine(other: DDTensor, op: BinaryOp): DDTensor {
    return new DDTensor(op(this.tensor, other.tensor));
  }

  /** Over all axes but the first; a batch of scalars (shape [n]) gives those n numbers. */
  aggregate(reduction: Reduction = "mean"): Float32Array {
    checkReduction(reduction);
    const out = new Float32Array(this.length);
    const stride = this.length === 0 ? 0 : this.data.length / this.length;
    for (let i = 0; i < out.length; i++) {
      let sum = 0;
      for (let j = i * stride; j < (i + 1) * stride; j++) {
        sum += this.data[j]!;
      }
      out[i] = reduction === "mean" ? sum / stride : sum;
    }
    return out;
  }

  override tensors(): Tensor[] {
    return [this.tensor];
  }

  override linearCombination(coefficient: Coefficient, terms: readonly (readonly [Coefficient, DDTensor])[]): DDTensor {
    const tensors: Tensor[] = [this.tensor];
    const coefficients = [coefficientOf(coefficient, "")];
    for (const [factor, batch] of terms) {
      tensors.push(batch.tensor);
      coefficients.push(coefficientOf(factor, ""));
    }
    return new DDTensor(combineTensors(tensors, coefficients));
  }

  override squaredNorm(): Float32Array {
    const out = new Float32Array(this.length);
    const stride = this.length === 0 ? 0 : this.data.length / this.length;
    for (let i = 0; i < out.length; i++) {
      let sum = 0;
      for (let j = i * stride; j < (i + 1) * stride; j++) {
        sum += this.data[j]! * this.data[j]!;
      }
      out[i] = sum;
    }
    return out;
  }
}
