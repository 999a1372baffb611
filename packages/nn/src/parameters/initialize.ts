import { ArgumentError, type RandomKey } from "@diffusiongym/core";
import type { Initialization, ParameterDeclaration } from "../ir/index.js";
import { Parameters } from "./parameters.js";

/**
 * Parameters with their starting values. Those of each parameter depend on the key and the parameter's name only, so
 * adding a layer to a network does not change how the others start.
 * @param declarations what the network needs, in order, as a builder collects it
 * @param key for example `RandomKey.fromSeed(0).fold("parameters")`
 */
export function initializeParameters(declarations: readonly ParameterDeclaration[], key: RandomKey): Parameters {
  const parameters = new Parameters(declarations);
  for (const { name, initialization } of declarations) {
    fill(parameters.get(name).data, name, initialization, key.fold(name));
  }
  return parameters;
}

function fill(data: Float32Array, name: string, initialization: Initialization, key: RandomKey): void {
  switch (initialization.kind) {
    case "constant":
      data.fill(requireFinite(name, initialization.value));
      return;
    case "uniform": {
      const low = requireFinite(name, initialization.low);
      const range = requireFinite(name, initialization.high) - low;
      key.stream().fillUniform(data);
      scale(data, low, range);
      return;
    }
    case "normal": {
      const mean = requireFinite(name, initialization.mean);
      const standardDeviation = requireFinite(name, initialization.standardDeviation);
      key.stream().fillNormal(data);
      scale(data, mean, standardDeviation);
    }
  }
}

function scale(data: Float32Array, offset: number, factor: number): void {
  for (let i = 0; i < data.length; i++) {
    data[i] = offset + factor * data[i]!;
  }
}

function requireFinite(name: string, value: number): number {
  if (!Number.isFinite(value)) {
    throw new ArgumentError(
      `The initialization of "${name}" contains ${value}; numbers must be finite.`,
      "initialization",
      value,
    );
  }
  return value;
}
