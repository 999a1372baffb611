import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Results by key in a file of one JSON object a line. What is there is not computed again, so a comparison that was cut off goes
 * on; a last line that was not written to its end is dropped.
 */
export class Journal<T> {
  readonly #entries = new Map<string, T>();

  constructor(private readonly path: string) {
    mkdirSync(dirname(path), { recursive: true });
    if (!existsSync(path)) {
      return;
    }
    const text = readFileSync(path, "utf8");
    for (const line of text.split("\n")) {
      const entry = parsed<T>(line);
      if (entry !== undefined) {
        this.#entries.set(entry.key, entry.value);
      }
    }
    if (text !== "" && !text.endsWith("\n")) {
      appendFileSync(path, "\n");
    }
  }

  get(key: string): T | undefined {
    return this.#entries.get(key);
  }

  /** Remembers a result and writes it down at once. */
  add(key: string, value: T): void {
    this.#entries.set(key, value);
    appendFileSync(this.path, `${JSON.stringify({ key, value })}\n`);
  }
}

function parsed<T>(line: string): { key: string; value: T } | undefined {
  try {
    const entry = JSON.parse(line) as { key?: unknown; value?: T };
    return typeof entry.key === "string" && entry.value !== undefined
      ? { key: entry.key, value: entry.value }
      : undefined;
  } catch {
    return undefined;
  }
}
