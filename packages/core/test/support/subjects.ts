import { Cosine, DDRecord, DDTensor, FeatureSchedulers, OptimalTransport, RandomKey, Tensor } from "@diffusiongym/core";
import { PointClouds } from "./ragged.js";

/** Zeros of shape [n, 3]. */
export function points(n: number): DDTensor {
  return new DDTensor(Tensor.zeros([n, 3]));
}

/** A record of records: what one would diffuse of a set of particles in a box. */
export type Particles = DDRecord<{
  readonly positions: DDTensor;
  readonly box: DDRecord<{ readonly lengths: DDTensor; readonly temperature: DDTensor }>;
}>;

/** Zeros: n times 4 positions in 2-D, and a nested record with a batch of scalars. */
export function particles(n: number): Particles {
  return new DDRecord({
    positions: new DDTensor(Tensor.zeros([n, 4, 2])),
    box: new DDRecord({ lengths: new DDTensor(Tensor.zeros([n, 2])), temperature: new DDTensor(Tensor.zeros([n])) }),
  });
}

/** A scheduler for positions, another one for all of the box. */
export function particleSchedulers(): FeatureSchedulers {
  return new FeatureSchedulers({ positions: new OptimalTransport(), box: new Cosine(1) });
}

/** Zeros: clouds of 3, 1, 4, 1, 5, ... points, from number `offset` of that sequence. */
export function clouds(n: number, offset = 0): PointClouds {
  const sizes = [3, 1, 4, 1, 5, 2];
  return PointClouds.zeros(Array.from({ length: n }, (_, i) => sizes[(offset + i) % sizes.length]!));
}

/** Noise in the structure of a template; the same seed gives the same batch. */
export function example<D extends { randnLike(streams: ReturnType<RandomKey["streams"]>): D }>(
  template: (n: number) => D,
): (seed: number) => D {
  return (seed) => template(6).randnLike(RandomKey.fromSeed(seed).streams());
}
