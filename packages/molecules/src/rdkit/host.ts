import { importRdkit, newInstance, type RdkitFactory } from "./load-module.js";
import { RdkitInstance, type RdkitScope } from "./scope.js";

/**
 * RDKit in this process: one instance of its WebAssembly, whose memory stays flat because everything made in it is deleted,
 * and which is replaced when it dies.
 */
export class RdkitHost {
  readonly #factory: RdkitFactory;
  #instance: Promise<RdkitInstance>;
  #deaths = 0;

  private constructor(factory: RdkitFactory, instance: RdkitInstance) {
    this.#factory = factory;
    this.#instance = Promise.resolve(instance);
  }

  /** A host of its own. Use `loadRdkit`, which shares one. */
  static async start(factory: RdkitFactory): Promise<RdkitHost> {
    return new RdkitHost(factory, new RdkitInstance(await newInstance(factory)));
  }

  /** How many instances have died so far. */
  get deaths(): number {
    return this.#deaths;
  }

  /**
   * Runs work that does not wait for anything, and deletes every molecule that it made. If the instance dies of it, the work
   * runs once more on a new one.
   * @returns what the work returned; undefined when it kills the new instance too, or when RDKit throws an exception of
   *   its own, which says that it cannot do this with this molecule
   * @throws what the work itself throws
   */
  async use<T>(work: (scope: RdkitScope) => T): Promise<T | undefined> {
    for (let killed = 0; killed < 2; ) {
      const current = this.#instance;
      const instance = await current;
      if (instance.dead) {
        // Others may have seen it first, and have replaced it already.
        if (this.#instance === current) {
          this.#instance = newInstance(this.#factory).then((module) => new RdkitInstance(module));
        }
        continue;
      }
      try {
        return instance.run(work);
      } catch (error) {
        if (instance.dead) {
          killed++;
          this.#deaths++;
        } else if (isRdkitException(error)) {
          return undefined;
        } else {
          throw error;
        }
      }
    }
    return undefined;
  }
}

/** An exception that RDKit's own code throws leaves the instance in order. */
function isRdkitException(error: unknown): boolean {
  return Object.prototype.toString.call(error) === "[object WebAssembly.Exception]";
}

let shared: Promise<RdkitHost> | undefined;

/**
 * The host that everything in this process shares, started when first asked for.
 * @param purpose what RDKit is needed for, the subject of the message, plural: "SMILES strings"
 * @throws MissingPackageError with the command that installs it
 */
export function loadRdkit(purpose: string): Promise<RdkitHost> {
  shared ??= importRdkit(purpose)
    .then((factory) => RdkitHost.start(factory))
    .catch((error: unknown) => {
      // Whoever installs it need not start the program again.
      shared = undefined;
      throw error;
    });
  return shared;
}
