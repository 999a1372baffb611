import { AbortError } from "./kinds.js";

/**
 * Throws `AbortError` when the signal has fired.
 * @param signal the caller's signal, if any
 * @param during what is being done, for the message: "sampling", "training"
 */
export function throwIfAborted(signal: AbortSignal | undefined, during: string): void {
  if (signal?.aborted) {
    throw new AbortError(
      `${during} was stopped because its AbortSignal fired (${String(signal.reason)}).`,
      signal.reason,
    );
  }
}
