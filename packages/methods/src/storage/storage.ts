/** Where checkpoints and metrics are kept. */
export interface Storage {
  /** Where it is, for messages. */
  readonly location: string;
  /** The bytes of a file, or undefined when there is none. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Replaces a file as a whole: after a crash it holds either what it held before or all of `bytes`. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Adds to the end of a file, which need not exist. */
  append(name: string, bytes: Uint8Array): Promise<void>;
}

/** Keeps files in memory: for tests and for the browser. */
export class MemoryStorage implements Storage {
  readonly location = "memory";
  private readonly files = new Map<string, Uint8Array>();

  async read(name: string): Promise<Uint8Array | undefined> {
    return this.files.get(name)?.slice();
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    this.files.set(name, bytes.slice());
  }

  async append(name: string, bytes: Uint8Array): Promise<void> {
    const before = this.files.get(name) ?? new Uint8Array(0);
    const joined = new Uint8Array(before.length + bytes.length);
    joined.set(before);
    joined.set(bytes, before.length);
    this.files.set(name, joined);
  }
}
