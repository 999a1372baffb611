import { DDTensor, DiffusionData, type Reduction, type SampleStreams, Tensor } from "@diffusiongym/core";
import { ConformanceError, checkDataType } from "@diffusiongym/core/testing";
import { describe, expect, it } from "vitest";
import { example } from "../support/subjects.js";

type Wrap = (tensor: DDTensor) => Batch;

/** What a broken type does in place of the right thing; each is given the right batch and its answer is wrapped again. */
interface Faults {
  readonly at?: (self: DDTensor, index: number) => DDTensor;
  readonly slice?: (self: DDTensor, start?: number, end?: number) => DDTensor;
  readonly collate?: (items: readonly DDTensor[]) => DDTensor;
  readonly apply?: (self: DDTensor, op: (tensor: Tensor) => Tensor) => DDTensor;
  readonly combine?: (self: DDTensor, other: DDTensor) => DDTensor;
  readonly aggregate?: (self: DDTensor, reduction?: Reduction) => Float32Array;
  readonly sub?: (self: DDTensor) => DDTensor;
  readonly mul?: (self: DDTensor, other: unknown) => DDTensor;
  readonly neg?: (self: DDTensor) => DDTensor;
  readonly clone?: (self: DDTensor) => DDTensor;
  readonly linearCombination?: (...args: Parameters<DDTensor["linearCombination"]>) => DDTensor;
  readonly squaredNorm?: (self: DDTensor) => Float32Array;
  readonly randnLike?: (self: DDTensor, streams: SampleStreams) => DDTensor;
}

/** A batch that is right but for its faults. */
class Batch extends DiffusionData<Batch> {
  readonly length: number;

  constructor(
    readonly inner: DDTensor,
    readonly faults: Faults,
  ) {
    super();
    this.length = inner.length;
  }

  static collate(items: readonly Batch[]): Batch {
    const { faults } = items[0]!;
    const inner = items.map((item) => item.inner);
    return new Batch((faults.collate ?? DDTensor.collate)(inner), faults);
  }

  private readonly wrap: Wrap = (inner) => new Batch(inner, this.faults);

  at(index: number): Batch {
    return this.wrap(this.faults.at?.(this.inner, index) ?? this.inner.at(index));
  }

  slice(start?: number, end?: number): Batch {
    return this.wrap(this.faults.slice?.(this.inner, start, end) ?? this.inner.slice(start, end));
  }

  apply(op: (tensor: Tensor) => Tensor): Batch {
    return this.wrap(this.faults.apply?.(this.inner, op) ?? this.inner.apply(op));
  }

  combine(other: Batch, op: (left: Tensor, right: Tensor) => Tensor): Batch {
    return this.wrap(this.faults.combine?.(this.inner, other.inner) ?? this.inner.combine(other.inner, op));
  }

  aggregate(reduction?: Reduction): Float32Array {
    return this.faults.aggregate?.(this.inner, reduction) ?? this.inner.aggregate(reduction);
  }

  override sub(other: Parameters<DiffusionData<Batch>["sub"]>[0]): Batch {
    return this.faults.sub ? this.wrap(this.faults.sub(this.inner)) : super.sub(other);
  }

  override mul(other: Parameters<DiffusionData<Batch>["mul"]>[0]): Batch {
    return this.faults.mul ? this.wrap(this.faults.mul(this.inner, other)) : super.mul(other);
  }

  override neg(): Batch {
    return this.faults.neg ? this.wrap(this.faults.neg(this.inner)) : super.neg();
  }

  override clone(): Batch {
    return this.faults.clone ? this.wrap(this.faults.clone(this.inner)) : super.clone();
  }

  override linearCombination(...[coefficient, terms]: Parameters<DiffusionData<Batch>["linearCombination"]>): Batch {
    const inner = terms.map(([factor, batch]) => [factor, batch.inner] as const);
    return this.wrap(
      this.faults.linearCombination?.call(this.inner, coefficient, inner) ??
        this.inner.linearCombination(coefficient, inner),
    );
  }

  override squaredNorm(): Float32Array {
    return this.faults.squaredNorm?.(this.inner) ?? this.inner.squaredNorm();
  }

  override randnLike(streams: SampleStreams): Batch {
    return this.wrap(this.faults.randnLike?.(this.inner, streams) ?? this.inner.randnLike(streams));
  }
}

const reversed = (batch: DDTensor): DDTensor =>
  DDTensor.collate(Array.from({ length: batch.length }, (_, i) => batch.at(batch.length - 1 - i)));
const isArray = (value: unknown): value is Float32Array => value instanceof Float32Array;
let draws = 0;

/** A check of the kit, and a type that it must catch. */
const broken: readonly (readonly [check: string, faults: Faults])[] = [
  ["at(i) must be a batch of one.", { at: (self, i) => self.slice(Math.min(i, 4), Math.min(i, 4) + 2) }],
  ["at(-1) must be the last sample.", { at: (self, i) => self.at(Math.max(i, 0)) }],
  ["at(length) must throw instead of returning something.", { at: (self, i) => self.at(Math.min(i, self.length - 1)) }],
  ["at(0.5) must throw instead of rounding.", { at: (self, i) => self.at(Math.floor(i)) }],
  ["slice(1, 3) must hold samples 1 and 2.", { slice: (self, a, b) => reversed(self.slice(a, b)) }],
  ["slice() must be the whole batch.", { slice: (self, a = 1, b) => self.slice(a, b) }],
  ["slice(-2) must hold the last two samples.", { slice: (self, a = 0, b) => self.slice(Math.abs(a), b) }],
  [
    "slice(2, 2) must be an empty batch, not an error.",
    { slice: (self, a = 0, b = self.length) => (a === b ? self.at(99) : self.slice(a, b)) },
  ],
  [
    "collate of all single samples must be the batch itself.",
    { collate: (items) => reversed(DDTensor.collate(items)) },
  ],
  ["collate must keep the order.", { collate: (items) => DDTensor.collate([...items].reverse()) }],
  [
    "withTensors(tensors()) must be the batch itself; apply must visit tensors in one order.",
    {
      apply: (self, op) =>
        new DDTensor(
          op(
            new Tensor(
              self.data.map((value) => value + 1),
              self.shape,
            ),
          ),
        ),
    },
  ],
  ["clone() must be equal and share no array.", { clone: (self) => self }],
  ["combine must apply the operation to each pair of tensors.", { combine: (self) => self.mul(draws++) }],
  ["x.add(y).sub(y) must be x up to rounding.", { sub: (self) => self }],
  ["x.mul(2) must be x.add(x).", { mul: (self) => self }],
  ["neg() must be mul(-1).", { neg: (self) => self }],
  [
    "linearCombination must equal the same sum done step by step.",
    {
      linearCombination(this: DDTensor, coefficient) {
        return this.scale(coefficient);
      },
    },
  ],
  [
    "Per-sample coefficients must multiply each sample by its own number.",
    { mul: (self, other) => self.mul(isArray(other) ? other[0]! : (other as number)) },
  ],
  [
    "linearCombination with per-sample coefficients must act sample by sample.",
    {
      linearCombination(this: DDTensor, coefficient, terms) {
        return this.linearCombination(isArray(coefficient) ? coefficient[0]! : coefficient, terms);
      },
    },
  ],
  [
    "Per-sample coefficients of the wrong length must be refused.",
    { mul: (self, other) => self.mul(isArray(other) ? other.slice(0, self.length) : (other as number)) },
  ],
  [
    "Combining batches of different lengths must be refused.",
    {
      linearCombination(this: DDTensor, coefficient, terms) {
        return terms.some(([, batch]) => batch.length !== this.length)
          ? this
          : this.linearCombination(coefficient, terms);
      },
    },
  ],
  ["aggregate must give one number a sample.", { aggregate: (self, how) => self.aggregate(how).slice(1) }],
  ["aggregate('mean') of ones must be 1.", { aggregate: (self) => self.aggregate("sum") }],
  [
    "aggregate must not mix samples.",
    { aggregate: (self, how) => new Float32Array(self.length).fill(self.aggregate(how)[0]!) },
  ],
  ["squaredNorm must be the sum of squares.", { squaredNorm: (self) => self.aggregate("sum") }],
  ["randnLike must draw something from every stream.", { randnLike: (self) => self.zerosLike() }],
  [
    "randnLike must depend on the streams only.",
    { randnLike: (self, streams) => self.randnLike(streams.fold(draws++)) },
  ],
  [
    "randnLike of a split batch must give the same bits: sample i may draw from its own stream only.",
    {
      randnLike(self, streams) {
        const noise = new Float32Array(self.data.length);
        streams.at(0).fillNormal(noise);
        return new DDTensor(new Tensor(noise, self.shape));
      },
    },
  ],
];

const zeros = (n: number): DDTensor => new DDTensor(Tensor.zeros([n, 2]));

async function failuresOf(make: (seed: number) => Batch): Promise<readonly string[]> {
  const error = await checkDataType({ example: make, name: "Batch" }).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ConformanceError);
  expect((error as ConformanceError).subject).toBe("The data type Batch");
  return (error as ConformanceError).failures;
}

describe("checkDataType", () => {
  it("has as many checks as are broken here, and passes a batch without faults", async () => {
    const right = example(zeros);
    // Two checks are of the example itself.
    expect(await checkDataType({ example: (seed) => new Batch(right(seed), {}) })).toBe(broken.length + 2);
  });

  it.each(broken)("%s", async (check, faults) => {
    const right = example(zeros);
    const failures = await failuresOf((seed) => new Batch(right(seed), faults));
    expect(failures.map((failure) => failure.split(" It threw:")[0])).toContain(check);
  });

  it("needs four samples that depend on the seed only", async () => {
    const right = example(zeros);
    expect(await failuresOf((seed) => new Batch(right(seed).slice(0, 3), {}))).toContain(
      "example(seed) must give at least 4 samples.",
    );
    expect(await failuresOf(() => new Batch(right(draws++), {}))).toContain(
      "example(seed) must depend on the seed only.",
    );
  });
});
