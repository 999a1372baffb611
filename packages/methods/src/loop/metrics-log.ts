import type { Metrics } from "../method/index.js";
import type { Storage } from "../storage/index.js";

const fileName = "metrics.jsonl";
const encoder = new TextEncoder();

/** Writes one JSON object a line: `{"iteration": 12, "reward": 2.1, ...}`, iterations counted from 1. */
export class MetricsLog {
  constructor(private readonly storage: Storage) {}

  /**
   * Prepares for iterations after `iteration`: lines of later ones, written before a crash and after the checkpoint that
   * is now taken up, are dropped, and so is a last line that was cut off.
   */
  async begin(iteration: number): Promise<void> {
    const bytes = await this.storage.read(fileName);
    if (bytes === undefined) {
      return;
    }
    const text = new TextDecoder().decode(bytes);
    const kept = text
      .split("\n")
      .filter((line) => iterationOf(line) <= iteration)
      .map((line) => `${line}\n`)
      .join("");
    if (kept !== text) {
      await this.storage.write(fileName, encoder.encode(kept));
    }
  }

  /** Adds a line. */
  async write(iteration: number, metrics: Metrics): Promise<void> {
    await this.storage.append(fileName, encoder.encode(`${JSON.stringify({ iteration, ...metrics })}\n`));
  }
}

/** The iteration of a line, infinite when the line is not whole. */
function iterationOf(line: string): number {
  try {
    const parsed = JSON.parse(line) as { iteration?: unknown };
    return typeof parsed.iteration === "number" ? parsed.iteration : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
