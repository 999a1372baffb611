import { ArgumentError, type DiffusionData, ShapeError, Tensor } from "@diffusiongym/core";
import type { NamedTensors } from "../engine/index.js";
import type { ValueInfo } from "../ir/index.js";

/** How data of any type goes into a network and comes back. */
export interface DataInputsOptions<D extends DiffusionData<D>, C extends object> {
  /**
   * Names of the network's inputs that take the data's tensors, in the order of `x.tensors()`.
   * @default ["x"] for data of one tensor, the data's own `partNames()` otherwise
   */
  readonly inputs?: readonly string[];
  /** Name of the network's input that takes the times. @default "t" */
  readonly time?: string;
  /**
   * Tensors for the network's other inputs, by name, from the conditioning and, where a data type has structure (the
   * edges of a graph), from the data.
   * @default none
   */
  readonly conditioning?: (conditioning: C, x: D) => NamedTensors;
}

/** The inputs of one run, and the names of those that are the data. */
export interface GatheredInputs {
  /** New at every call, so that the caller may add to it. */
  readonly feeds: Record<string, Tensor>;
  readonly dataNames: readonly string[];
}

/** Gathers a state, times and conditioning as the inputs of one network. */
export class DataInputs<D extends DiffusionData<D>, C extends object> {
  readonly #inputs: readonly string[] | undefined;
  readonly #time: ValueInfo | undefined;
  readonly #conditioning: ((conditioning: C, x: D) => NamedTensors) | undefined;

  /**
   * @param declared the network's inputs
   * @throws ArgumentError when `time` names no input
   */
  constructor(declared: readonly ValueInfo[], { inputs, time, conditioning }: DataInputsOptions<D, C>) {
    this.#inputs = inputs;
    this.#time = declared.find(({ name }) => name === (time ?? "t"));
    this.#conditioning = conditioning;
    if (time !== undefined && this.#time === undefined) {
      throw new ArgumentError(
        `The network has no input "${time}" for the times; it has ${declared.map(({ name }) => name).join(", ")}.`,
        "time",
        time,
      );
    }
  }

  /**
   * @param x states, n samples
   * @param t times, shape [n]
   * @throws ShapeError when the number of times or of tensors does not fit
   */
  gather(x: D, t: Float32Array, conditioning: C): GatheredInputs {
    if (t.length !== x.length) {
      throw new ShapeError(`${t.length} times were given for ${x.length} samples.`, [x.length], [t.length]);
    }
    const tensors = x.tensors();
    const dataNames = this.#inputs ?? (tensors.length === 1 ? ["x"] : x.partNames());
    if (dataNames.length !== tensors.length || new Set(dataNames).size !== tensors.length) {
      throw new ShapeError(
        `The data holds ${tensors.length} tensors and the network takes them as [${dataNames.join(", ")}]; name one input for each in \`inputs\`.`,
        [tensors.length],
        [dataNames.length],
      );
    }
    const feeds: Record<string, Tensor> = { ...this.#conditioning?.(conditioning, x) };
    tensors.forEach((tensor, index) => {
      feeds[dataNames[index]!] = tensor;
    });
    if (this.#time !== undefined) {
      // A network may take times as a vector [n] or as a column [n, 1].
      const ones = this.#time.shape.slice(1).map(() => 1);
      feeds[this.#time.name] = new Tensor(t, [t.length, ...ones]);
    }
    return { feeds, dataNames };
  }
}
