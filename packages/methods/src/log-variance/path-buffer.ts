import { type DiffusionData, type Environment, IncompatibleError, Tensor } from "@diffusiongym/core";
import { type TransitionKernel, transitionsAlong } from "../kernels/index.js";
import type { Json } from "../method/index.js";
import type { Paths } from "../policy-gradient/index.js";
import { drawStart } from "../sampling/index.js";

/** Paths with their rewards. */
export interface JudgedPaths<D, C> extends Paths<D, C> {
  readonly rewards: Float32Array;
  readonly valids: Uint8Array;
}

/** Options of `PathBuffer`. */
export interface PathBufferOptions<D extends DiffusionData<D>, C extends object> {
  readonly environment: Environment<D, C>;
  readonly kernel: TransitionKernel;
  /** Seed with which the paths are drawn. */
  readonly seed: number;
  readonly conditioning: Partial<C>;
  /** Rollouts that are kept. */
  readonly capacity: number;
}

interface StoredPaths<D, C> extends JudgedPaths<D, C> {
  readonly indexOffset: number;
}

/**
 * The last rollouts with all their states, for replay. A checkpoint holds the states and rewards; what is structure (the shapes
 * of ragged data, prompts) is drawn again from the seed, and the base model's outputs are computed again.
 */
export class PathBuffer<D extends DiffusionData<D>, C extends object> {
  readonly #options: PathBufferOptions<D, C>;
  #stored: StoredPaths<D, C>[] = [];
  #saved: SavedPaths[] = [];

  constructor(options: PathBufferOptions<D, C>) {
    this.#options = options;
  }

  /** The rollouts, oldest first. After `restore`, call `ready` first. */
  get paths(): readonly JudgedPaths<D, C>[] {
    return this.#stored;
  }

  /** Adds a rollout, and forgets the oldest where there are too many. */
  add(
    { transitions, states, references, conditioning, rewards, valids }: JudgedPaths<D, C>,
    indexOffset: number,
  ): void {
    const { capacity } = this.#options;
    if (capacity > 0) {
      const paths = { transitions, states, references, conditioning, rewards, valids, indexOffset };
      this.#stored = [...this.#stored, paths].slice(-capacity);
    }
  }

  /** For `extraState` of a method. */
  state(): { readonly arrays: [string, Float32Array][]; readonly values: Json } {
    const arrays = this.#stored.flatMap(({ states, rewards, valids }, index): [string, Float32Array][] => [
      ...states.flatMap((x, k) =>
        x
          .tensors()
          .map(({ data }, part): [string, Float32Array] => [`path${index}/x${k}.${part}`, Float32Array.from(data)]),
      ),
      [`path${index}/rewards`, rewards.slice()],
      [`path${index}/valids`, Float32Array.from(valids)],
    ]);
    // What was restored and not used yet is handed on as it came.
    const waiting = this.#saved.flatMap(({ arrays: saved, index }) =>
      Array.from(saved)
        .filter(([name]) => name.startsWith(`path${index}/`))
        .map(([name, data]): [string, Float32Array] => [name, data.slice()]),
    );
    return {
      arrays: [...waiting, ...arrays],
      values: [...this.#saved, ...this.#stored].map(({ indexOffset }) => indexOffset),
    };
  }

  /** For `restoreExtra` of a method; `ready` must be called before the next use. */
  restore(arrays: ReadonlyMap<string, Float32Array>, values: Json): void {
    this.#stored = [];
    this.#saved = (values as readonly number[]).map((indexOffset, index) => ({ indexOffset, arrays, index }));
  }

  /** Rebuilds restored paths. Does nothing when there is nothing to do. */
  async ready(): Promise<void> {
    const { environment, kernel, seed, conditioning } = this.#options;
    const { baseModel, timesteps } = environment;
    const transitions = transitionsAlong(kernel, baseModel, timesteps);
    for (const { indexOffset, arrays, index } of this.#saved) {
      const get = (name: string): Float32Array => {
        const array = arrays.get(`path${index}/${name}`);
        if (array === undefined) {
          throw new IncompatibleError(`The state lacks "path${index}/${name}".`);
        }
        return array;
      };
      const rewards = get("rewards");
      const n = rewards.length;
      const start = await drawStart({ environment, n, seed, indexOffset, conditioning });
      const shapes = start.x.tensors();
      const states = Array.from({ length: timesteps.length }, (_, k) =>
        start.x.withTensors(shapes.map(({ shape }, part) => new Tensor(get(`x${k}.${part}`), shape))),
      );
      const references: D[] = [];
      for (const [k, { from }] of transitions.entries()) {
        references.push(await baseModel.forward(states[k]!, new Float32Array(n).fill(from), start.conditioning));
      }
      const valids = Uint8Array.from(get("valids"));
      const completed = start.conditioning;
      this.#stored.push({ transitions, states, references, conditioning: completed, rewards, valids, indexOffset });
    }
    this.#saved = [];
  }
}

interface SavedPaths {
  readonly indexOffset: number;
  readonly index: number;
  readonly arrays: ReadonlyMap<string, Float32Array>;
}
