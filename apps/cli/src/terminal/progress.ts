import { columnsOf, type TextStream } from "./io.js";

/** What is shown of a task's progress. */
export interface ProgressOptions {
  /** What is being done: `training`. */
  readonly label: string;
  /** Units in all. */
  readonly total: number;
  /** Units that were done before, by an earlier run. @default 0 */
  readonly start?: number;
  /** Name of the units, for the rate: `it` gives `25 it/s`. */
  readonly unit: string;
  /** Milliseconds now. @default performance.now */
  readonly clock?: () => number;
}

const barWidth = 20;
const leastBarWidth = 5;
const redrawMs = 100;
/** Plain lines: at least this far apart, and at most this far. */
const hurriedMs = 1000;
const quietMs = 10_000;

/**
 * Progress on one stream: a line that is redrawn on a terminal, otherwise a plain line every tenth of the way (not
 * more than one a second), or after ten seconds of silence.
 */
export class Progress {
  private readonly clock: () => number;
  private readonly startedMs: number;
  private shownMs = Number.NEGATIVE_INFINITY;
  private shownTenth: number;
  private drawn = false;
  private finished = false;

  constructor(
    private readonly stream: TextStream,
    private readonly options: ProgressOptions,
  ) {
    this.clock = options.clock ?? (() => performance.now());
    this.startedMs = this.clock();
    this.shownTenth = this.tenth(options.start ?? 0);
  }

  /**
   * Shows where the task is.
   * @param done units done, earlier runs included
   * @param detail numbers that go with it
   */
  update(done: number, detail = ""): void {
    const now = this.clock();
    const finished = done >= this.options.total;
    if (finished && this.finished) {
      return;
    }
    this.finished = finished;
    if (this.stream.isTTY) {
      if (finished || now - this.shownMs >= redrawMs) {
        this.draw(done, detail, now);
      }
    } else {
      const silence = now - Math.max(this.shownMs, this.startedMs);
      const tenth = this.tenth(done);
      if (finished || (tenth > this.shownTenth && silence >= hurriedMs) || silence >= quietMs) {
        this.stream.write(`${this.describe(done, detail, now)}\n`);
        this.shownMs = now;
        this.shownTenth = tenth;
      }
    }
  }

  /** Ends the line, so that what is written next begins its own. */
  end(): void {
    if (this.drawn) {
      this.stream.write("\n");
      this.drawn = false;
    }
  }

  private draw(done: number, detail: string, now: number): void {
    const columns = columnsOf(this.stream) - 1;
    const description = this.describe(done, detail, now);
    // The numbers come first: the bar takes what they leave.
    const width = Math.min(barWidth, columns - description.length - 1);
    const full = Math.round((width * done) / Math.max(1, this.options.total));
    const bar = width < leastBarWidth ? "" : `${"█".repeat(full)}${"░".repeat(width - full)} `;
    const line = `${bar}${description}`.slice(0, columns);
    this.stream.write(`\r${line}\u001b[K`);
    this.shownMs = now;
    this.drawn = true;
  }

  private describe(done: number, detail: string, now: number): string {
    const { label, total, start = 0, unit } = this.options;
    const seconds = (now - this.startedMs) / 1000;
    const rate = seconds > 0 ? (done - start) / seconds : 0;
    const timing =
      done >= total
        ? `${duration(seconds)}`
        : rate > 0
          ? `${rate >= 10 ? rate.toFixed(0) : rate.toPrecision(2)} ${unit}/s, ${duration((total - done) / rate)} left`
          : "";
    const percent = this.stream.isTTY ? "" : ` (${Math.floor((100 * done) / Math.max(1, total))} %)`;
    return [`${label} ${done}/${total}${percent}`, detail, timing].filter((part) => part !== "").join("  ");
  }

  private tenth(done: number): number {
    return Math.floor((10 * done) / Math.max(1, this.options.total));
  }
}

/** `42 s`, `3 min 20 s`, `2 h 5 min`. */
export function duration(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) {
    return seconds < 10 ? `${seconds.toFixed(1)} s` : `${whole} s`;
  }
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${minutes} min ${whole % 60} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
