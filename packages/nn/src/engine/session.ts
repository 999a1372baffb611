import { IncompatibleError } from "@diffusiongym/core";
import type { OnnxRuntime, RuntimeSession, RuntimeTensor } from "./runtime.js";
import { Turns } from "./turns.js";

type Tensors = Readonly<Record<string, RuntimeTensor>>;

/** The Web runtime refuses to run a session while another one of its sessions runs, so all of them share a queue. */
const turnsOfWebRuntimes = new WeakMap<OnnxRuntime, Turns>();

/**
 * A graph compiled by the runtime, and the queue in front of it: runs that are asked for at the same time happen one after
 * the other, so that buffers which they share are never written by two.
 */
export class Session {
  readonly #session: RuntimeSession;
  /** The Web runtime leaves output buffers that it is given untouched, so results are copied into them here. */
  readonly #fillsFetches: boolean;
  readonly #turns: Turns;
  #disposed: Promise<void> | undefined;

  constructor(
    readonly graphName: string,
    readonly runtime: OnnxRuntime,
    session: RuntimeSession,
    /** Called once, when the session is given back. */
    readonly onDispose: (session: Session) => void = () => {},
  ) {
    this.#session = session;
    const isWeb = runtime.env.versions.web !== undefined;
    this.#fillsFetches = !isWeb;
    this.#turns = isWeb ? sharedTurns(runtime) : new Turns();
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
    return this.#turns.take(() => {
      const feeds = prepare();
      return this.#fillsFetches ? this.#session.run(feeds, fetches) : this.runAndCopy(feeds, fetches);
    });
  }

  /** Gives the compiled graph back after the runs in progress. Calling it again changes nothing. */
  dispose(): Promise<void> {
    this.#disposed ??= this.release();
    return this.#disposed;
  }

  private async release(): Promise<void> {
    this.onDispose(this);
    await this.#turns.take(() => this.#session.release());
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

function sharedTurns(runtime: OnnxRuntime): Turns {
  const turns = turnsOfWebRuntimes.get(runtime) ?? new Turns();
  turnsOfWebRuntimes.set(runtime, turns);
  return turns;
}

function copyInto(wanted: RuntimeTensor, made: RuntimeTensor): RuntimeTensor {
  if (made.dims.length !== wanted.dims.length || made.dims.some((axis, i) => axis !== wanted.dims[i])) {
    throw new RangeError(`Got invalid dimensions for an output: [${wanted.dims}] was given for [${made.dims}].`);
  }
  (wanted.data as Float32Array).set(made.data as Float32Array);
  return wanted;
}
