import { type DDTensor, OptimalTransport } from "@diffusiongym/core";
import { ConformanceError } from "@diffusiongym/core/testing";
import { expect } from "vitest";
import { GaussianModel } from "./gaussian-model.js";
import { points } from "./subjects.js";

/** The right model that broken ones differ from in one thing. */
export class Model extends GaussianModel<DDTensor> {
  constructor() {
    super({ template: points, scheduler: new OptimalTransport() });
  }
}

/** What a check of the conformance kit finds, without what was thrown. */
export async function failuresOf(check: Promise<number>): Promise<readonly string[]> {
  const error = await check.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(ConformanceError);
  return (error as ConformanceError).failures.map((failure) => failure.split(" It threw:")[0]!);
}

/** One number for the whole batch, so that samples influence each other. */
export function batchMean(x: DDTensor): number {
  return x.aggregate("sum").reduce((sum, value) => sum + value, 0);
}
