import {
  ArgumentError,
  type BinaryOp,
  DiffusionData,
  type Reduction,
  resolveIndex,
  resolveSlice,
  ShapeError,
  Tensor,
  type UnaryOp,
} from "@diffusiongym/core";

/** Clouds of points of different sizes: sample i holds rows offsets[i] to offsets[i + 1] of one [rows, d] tensor. */
export class PointClouds extends DiffusionData<PointClouds> {
  readonly length: number;

  constructor(
    readonly points: Tensor,
    readonly offsets: Int32Array,
  ) {
    super();
    this.length = offsets.length - 1;
    if (offsets[0] !== 0 || offsets[this.length] !== points.shape[0]) {
      throw new ShapeError(`PointClouds: offsets ${offsets.join(", ")} do not cover ${points.shape[0]} points.`);
    }
  }

  /** Zeros: clouds of the given sizes. */
  static zeros(sizes: readonly number[], dimensions = 2): PointClouds {
    const offsets = Int32Array.of(0, ...sizes);
    for (let i = 1; i < offsets.length; i++) {
      offsets[i]! += offsets[i - 1]!;
    }
    return new PointClouds(Tensor.zeros([offsets[sizes.length]!, dimensions]), offsets);
  }

  static collate(items: readonly PointClouds[]): PointClouds {
    const first = items[0];
    if (first === undefined) {
      throw new ArgumentError("PointClouds.collate: there is nothing to join.", "items", items);
    }
    const joined = PointClouds.zeros(
      items.flatMap((item) => item.sizes()),
      first.points.shape[1],
    );
    let row = 0;
    for (const item of items) {
      (joined.points.data as Float32Array).set(item.points.data, row);
      row += item.points.size;
    }
    return joined;
  }

  /** Points of each cloud. */
  sizes(): number[] {
    return Array.from({ length: this.length }, (_, i) => this.offsets[i + 1]! - this.offsets[i]!);
  }

  at(index: number): PointClouds {
    const resolved = resolveIndex(this.length, index);
    return this.slice(resolved, resolved + 1);
  }

  slice(start?: number, end?: number): PointClouds {
    const [from, to] = resolveSlice(this.length, start, end);
    const first = this.offsets[from]!;
    const offsets = this.offsets.slice(from, to + 1).map((offset) => offset - first);
    return new PointClouds(this.points.slice(first, this.offsets[to]), offsets);
  }

  apply(op: UnaryOp): PointClouds {
    return new PointClouds(op(this.points), this.offsets);
  }

  combine(other: PointClouds, op: BinaryOp): PointClouds {
    if (other.offsets.join() !== this.offsets.join()) {
      throw new ShapeError("PointClouds: the clouds of the two batches differ in size.");
    }
    return new PointClouds(op(this.points, other.points), this.offsets);
  }

  aggregate(reduction: Reduction = "mean"): Float32Array {
    const stride = this.points.shape[1]!;
    return Float32Array.from({ length: this.length }, (_, i) => {
      let sum = 0;
      const [from, to] = [this.offsets[i]! * stride, this.offsets[i + 1]! * stride];
      for (let j = from; j < to; j++) {
        sum += this.points.data[j]!;
      }
      return reduction === "mean" ? sum / (to - from) : sum;
    });
  }

  override rowOffsets(): Int32Array {
    return this.offsets;
  }
}
