import { IncompatibleError } from "@diffusiongym/core";
import type { OnnxRuntime, RuntimeSession, RuntimeTensor } from "./runtime.js";

type Tensors = Readonly<Record<string, RuntimeTensor>>;

/**
 * A graph compiled by the runtime, and the queue in front of it: runs that are asked for at the same time happen one after
 * the other, so that buffers which they share are never written by two.
 */
export class Session {
  readonly #session: RuntimeSession;
  /** The Web runtime leaves output buffers that it is given untouched, so results are copied into them here. */
  readonly #fillsFetches: boolean;
  #last: Promise<void> = Promise.resolve();
  #disposed: Promise<void> | undefined;

  constructor(
    readonly graphName: string,
    readonly runtime: OnnxRuntime,
    session: RuntimeSession,
    /** Called once, when the session is given back. */
    readonly onDispose: (session: Session) => void = () => {},
  ) {
    this.#session = session;
    this.#fillsFetches = runtime.env.versions.web === undefined;
  }

  /**
   * Runs the graph.
   * @param prepare gives every input when the turn of this run has come; the object may be used again for the next run
   * @param fetches every output: a tensor to be filled, or null for a new one
   * @throws what the runtime throws; IncompatibleError after `dispose`
   */
  async run(prepare: () => Tensors, fetches: Readonly<Record<string, RuntimeTensor | null>>): Promise<Tensors> {
    if (this.#disposed) {
      throw new IncompatibleError(`Graph "${this.graphName}" was disposed and cannot run; compile it again.`);
    }
    const previous = this.#last;
    let finish!: () => void;
    this.#last = new Promise((resolve) => {
      finish = resolve;
    });
    await previous;
    try {
      const feeds = prepare();
      return await (this.#fillsFetches ? this.#session.run(feeds, fetches) : this.runAndCopy(feeds, fetches));
    } finally {
      finish();
    }
  }

  /** Gives the compiled graph back after the runs in progress. Calling it again changes nothing. */
  dispose(): Promise<void> {
    this.#disposed ??= this.release();
    return this.#disposed;
  }

  private async release(): Promise<void> {
    this.onDispose(this);
    await this.#last;
    await this.#session.release();
  }

  private async runAndCopy(feeds: Tensors, fetches: Readonly<Record<string, RuntimeTensor | null>>): Promise<Tensors> {
    const names = Object.keys(fetches);
    const made = await this.#session.run(feeds, Object.fromEntries(names.map((name) => [name, null])));
    return Object.fromEntries(
      names.map((name) => {
        const wanted = fetches[name];
        return [name, wanted ? copyInto(wanted, made[name]!) : made[name]!];
      }),
    );
  }
}

function copyInto(wanted: RuntimeTensor, made: RuntimeTensor): RuntimeTensor {
  if (made.dims.length !== wanted.dims.length || made.dims.some((axis, i) => axis !== wanted.dims[i])) {
    throw new RangeError(`Got invalid dimensions for an output: [${wanted.dims}] was given for [${made.dims}].`);
  }
  (wanted.data as Float32Array).set(made.data as Float32Array);
  return wanted;
}
