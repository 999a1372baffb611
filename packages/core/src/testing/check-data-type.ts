import { collate, type DiffusionData, elementwise } from "../data/index.js";
import { RandomKey } from "../random/index.js";
import { arrayDistance, Checklist, distance, sameBits } from "./conformance.js";

/** What `checkDataType` needs. */
export interface DataTypeCheck<D> {
  /** Name for the message. @default the class name */
  readonly name?: string;
  /**
   * A batch with random float contents, of at least 4 samples; the same seed gives the same batch. For a ragged type,
   * samples of different sizes.
   */
  readonly example: (seed: number) => D;
}

/**
 * Checks that a data type keeps the promises of `DDProtocol` and of the mixin: indexing, slicing, collation, arithmetic,
 * the fused linear combination, per-sample coefficients, and noise that does not depend on how a batch is split.
 * @returns the number of checks that passed
 * @throws ConformanceError listing every broken promise
 */
export async function checkDataType<D extends DiffusionData<D>>(setup: DataTypeCheck<D>): Promise<number> {
  const x = setup.example(1);
  const y = x.withTensors(x.tensors()).randnLike(RandomKey.fromSeed(2).streams());
  const n = x.length;
  const list = new Checklist(`The data type ${setup.name ?? x.constructor.name}`);
  const streams = RandomKey.fromSeed(3).streams();

  await list.check("example(seed) must give at least 4 samples.", () => n >= 4);
  await list.check("example(seed) must depend on the seed only.", () => sameBits(setup.example(1), x));
  await list.check("at(i) must be a batch of one.", () => x.at(0).length === 1 && x.at(n - 1).length === 1);
  await list.check("at(-1) must be the last sample.", () => sameBits(x.at(-1), x.at(n - 1)));
  await list.throws("at(length) must throw instead of returning something.", () => x.at(n));
  await list.throws("at(0.5) must throw instead of rounding.", () => x.at(0.5));
  await list.check("slice(1, 3) must hold samples 1 and 2.", () =>
    sameBits(x.slice(1, 3), collate([x.at(1), x.at(2)])),
  );
  await list.check("slice() must be the whole batch.", () => sameBits(x.slice(), x));
  await list.check("slice(-2) must hold the last two samples.", () => sameBits(x.slice(-2), x.slice(n - 2, n)));
  await list.check("slice(2, 2) must be an empty batch, not an error.", () => x.slice(2, 2).length === 0);
  await list.check("collate of all single samples must be the batch itself.", () =>
    sameBits(collate(Array.from({ length: n }, (_, i) => x.at(i))), x),
  );
  await list.check("collate must keep the order.", () =>
    sameBits(collate([x.slice(2), x.slice(0, 2)]).slice(n - 2), x.slice(0, 2)),
  );
  await list.check("withTensors(tensors()) must be the batch itself; apply must visit tensors in one order.", () =>
    sameBits(x.withTensors(x.tensors()), x),
  );
  await list.check("clone() must be equal and share no array.", () => {
    const copy = x.clone();
    return sameBits(copy, x) && copy.tensors().every((tensor, k) => tensor.data.buffer !== x.tensors()[k]!.data.buffer);
  });
  await list.check("combine must apply the operation to each pair of tensors.", () =>
    sameBits(x.combine(y, elementwise.add), x.add(y)),
  );
  await list.check("x.add(y).sub(y) must be x up to rounding.", () => distance(x.add(y).sub(y), x) < 1e-5);
  await list.check("x.mul(2) must be x.add(x).", () => sameBits(x.mul(2), x.add(x)));
  await list.check("neg() must be mul(-1).", () => distance(x.neg(), x.mul(-1)) === 0);
  await list.check(
    "linearCombination must equal the same sum done step by step.",
    () =>
      distance(
        x.linearCombination(0.5, [
          [-2, y],
          [0.25, x],
        ]),
        x.mul(0.75).sub(y.mul(2)),
      ) < 1e-5,
  );
  await list.check("Per-sample coefficients must multiply each sample by its own number.", () => {
    const factors = Float32Array.from({ length: n }, (_, i) => i - 1.5);
    return sameBits(x.mul(factors), collate(Array.from(factors, (factor, i) => x.at(i).mul(factor))));
  });
  await list.check("linearCombination with per-sample coefficients must act sample by sample.", () => {
    const factors = Float32Array.from({ length: n }, (_, i) => 0.5 * i - 1);
    const whole = x.linearCombination(factors, [[2, y]]);
    return sameBits(
      whole,
      collate(Array.from(factors, (factor, i) => x.at(i).linearCombination(factor, [[2, y.at(i)]]))),
    );
  });
  await list.throws("Per-sample coefficients of the wrong length must be refused.", () =>
    x.mul(new Float32Array(n + 1)),
  );
  await list.throws("Combining batches of different lengths must be refused.", () =>
    x.linearCombination(1, [[1, y.slice(0, n - 1)]]),
  );
  await list.check("aggregate must give one number a sample.", () => x.aggregate("sum").length === n);
  await list.check("aggregate('mean') of ones must be 1.", () =>
    x
      .onesLike()
      .aggregate("mean")
      .every((mean) => mean === 1),
  );
  await list.check(
    "aggregate must not mix samples.",
    () => arrayDistance(x.aggregate("sum").slice(1, 2), x.at(1).aggregate("sum")) === 0,
  );
  await list.check(
    "squaredNorm must be the sum of squares.",
    () => arrayDistance(x.squaredNorm(), x.mul(x).aggregate("sum")) < 1e-5,
  );
  await list.check("randnLike must draw something from every stream.", () =>
    x
      .randnLike(streams)
      .squaredNorm()
      .every((norm) => norm > 0),
  );
  await list.check("randnLike must depend on the streams only.", () =>
    sameBits(x.randnLike(streams), x.randnLike(streams)),
  );
  await list.check(
    "randnLike of a split batch must give the same bits: sample i may draw from its own stream only.",
    () => {
      const key = RandomKey.fromSeed(4);
      return sameBits(
        x.randnLike(key.streams()),
        collate([x.slice(0, 2).randnLike(key.streams()), x.slice(2).randnLike(key.streams(2))]),
      );
    },
  );
  return list.finish();
}
