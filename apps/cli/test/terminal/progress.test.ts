import { describe, expect, it } from "vitest";
import { duration, Progress, type TextStream } from "../../src/terminal/index.js";

function fakeStream(isTTY: boolean, columns = 100): TextStream & { writes: string[] } {
  const writes: string[] = [];
  return { isTTY, columns, writes, write: (text) => writes.push(text) };
}

/** Runs `total` updates, each `stepMs` after the other. */
function runThrough(stream: TextStream, total: number, stepMs: number, start = 0): void {
  let now = 0;
  const progress = new Progress(stream, { label: "training", total, unit: "it", start, clock: () => now });
  for (let done = start + 1; done <= total; done++) {
    now += stepMs;
    progress.update(done, `reward ${done}`);
  }
  progress.end();
}

describe("progress on a terminal", () => {
  it("redraws one line, at most ten times a second, and ends it", () => {
    const stream = fakeStream(true);
    runThrough(stream, 1000, 10);
    expect(stream.writes.at(-1)).toBe("\n");
    const drawn = stream.writes.slice(0, -1);
    expect(drawn.length).toBeGreaterThan(90);
    expect(drawn.length).toBeLessThanOrEqual(102);
    for (const text of drawn) {
      expect(text).toSatisfy((line: string) => line.startsWith("\r") && line.endsWith("\u001b[K"));
      expect(text.slice(1)).toMatch(/^[█░]{20} training \d+\/1000 /);
      expect(text).not.toContain("\n");
    }
    expect(drawn[50]).toMatch(/training 501\/1000 {2}reward 501 {2}100 it\/s, 5\.0 s left/);
    expect(drawn.at(-1)).toContain("████████████████████ training 1000/1000  reward 1000  10 s");
  });

  it("never wraps into a second line", () => {
    const stream = fakeStream(true, 30);
    runThrough(stream, 100, 200);
    for (const text of stream.writes.slice(0, -1)) {
      expect(text.replace("\r", "").replace("\u001b[K", "").length).toBeLessThan(30);
    }
  });

  it("gives the numbers their room before the bar", () => {
    const stream = fakeStream(true, 62);
    runThrough(stream, 1000, 100);
    expect(stream.writes[500]).toMatch(/^\r[█░]{5,19} training 501\/1000 {2}reward 501 {2}10 it\/s, 50 s left/);
  });
});

describe("progress elsewhere", () => {
  it("says once that nothing, or everything, is done", () => {
    const stream = fakeStream(false);
    const progress = new Progress(stream, { label: "sampling", total: 0, unit: "samples", clock: () => 0 });
    for (let step = 0; step < 50; step++) {
      progress.update(0);
    }
    expect(stream.writes).toHaveLength(1);
  });

  it("writes a plain line every tenth of the way", () => {
    const stream = fakeStream(false);
    runThrough(stream, 1000, 50);
    expect(stream.writes).toHaveLength(10);
    expect(stream.writes[0]).toBe("training 100/1000 (10 %)  reward 100  20 it/s, 45 s left\n");
    expect(["\r", "\u001b", "█"].filter((control) => stream.writes.join("").includes(control))).toEqual([]);
  });

  it("writes a line after ten seconds of silence, and no more than one a second", () => {
    const slow = fakeStream(false);
    runThrough(slow, 40, 5000);
    expect(slow.writes.length).toBe(20);
    const fast = fakeStream(false);
    runThrough(fast, 1000, 2);
    expect(fast.writes.length).toBeLessThanOrEqual(3);
    expect(fast.writes.at(-1)).toContain("1000/1000");
  });

  it("counts the rate from where the run was taken up", () => {
    const stream = fakeStream(false);
    runThrough(stream, 1000, 100, 800);
    expect(stream.writes[0]).toContain("900/1000 (90 %)  reward 900  10 it/s, 10 s left");
  });
});

describe("duration", () => {
  it.each([
    [0.04, "0.0 s"],
    [9.94, "9.9 s"],
    [42.4, "42 s"],
    [200, "3 min 20 s"],
    [7500, "2 h 5 min"],
  ])("writes %d seconds as %s", (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });
});
