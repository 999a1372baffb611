import type { LoadingProgress } from "./settings.js";

/** Adds up the bytes of several files, so that the sum never falls and ends at the total. */
export class TotalProgress {
  readonly #bytes: Map<string, number>;
  readonly #sizes: Map<string, number | undefined>;
  readonly #totalBytes: number | undefined;
  readonly #onProgress: ((progress: LoadingProgress) => void) | undefined;

  constructor(
    files: readonly { readonly file: string; readonly size: number | undefined }[],
    onProgress: ((progress: LoadingProgress) => void) | undefined,
  ) {
    this.#bytes = new Map(files.map(({ file }) => [file, 0]));
    this.#sizes = new Map(files.map(({ file, size }) => [file, size]));
    this.#totalBytes = files.some(({ size }) => size === undefined)
      ? undefined
      : [...this.#sizes.values()].reduce<number>((sum, size) => sum + size!, 0);
    this.#onProgress = onProgress;
  }

  /** So many bytes of a file are there. */
  report(file: string, bytes: number): void {
    // After damage the count of a file falls; what was said is not taken back.
    if (bytes <= (this.#bytes.get(file) ?? 0)) {
      return;
    }
    this.#bytes.set(file, bytes);
    this.#tell(file);
  }

  /** The file is there. */
  end(file: string): void {
    const size = this.#sizes.get(file);
    if (size === undefined) {
      this.#tell(file);
    } else {
      this.report(file, size);
    }
  }

  #tell(file: string): void {
    const loadedBytes = [...this.#bytes.values()].reduce((sum, bytes) => sum + bytes, 0);
    this.#onProgress?.({ file, loadedBytes, totalBytes: this.#totalBytes });
  }
}
