import { isErrorNamed } from "@diffusiongym/core";
import { MemoryStorage, progressLine, type Report, run, train } from "@diffusiongym/methods";
import { describe, expect, it } from "vitest";
import { CountingMethod } from "./counting-method.js";

const decoder = new TextDecoder();

async function lines(storage: MemoryStorage): Promise<{ iteration: number; loss: number }[]> {
  const bytes = await storage.read("metrics.jsonl");
  return decoder
    .decode(bytes)
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

const caught = (promise: Promise<unknown>): Promise<unknown> => promise.catch((error: unknown) => error);

describe("run", () => {
  it("validates first, then reports every iteration once, in order", async () => {
    const method = new CountingMethod(5);
    const reports: Report[] = [];
    for await (const report of run(method)) {
      expect(method.validated).toBe(1);
      reports.push(report);
    }
    expect(reports.map((report) => report.iteration)).toEqual([1, 2, 3, 4, 5]);
    expect(reports.every((report) => report.iterations === 5 && !report.checkpointed)).toBe(true);
  });

  it("writes checkpoints at the interval and at the end, and one metrics line an iteration", async () => {
    const storage = new MemoryStorage();
    const checkpointed: number[] = [];
    await train(new CountingMethod(7), {
      storage,
      checkpointEvery: 3,
      onReport: (report) => report.checkpointed && checkpointed.push(report.iteration),
    });
    expect(checkpointed).toEqual([3, 6, 7]);
    expect((await lines(storage)).map((line) => line.iteration)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it("continues a run that crashed between checkpoints with the same bits, and rewrites the metrics after the checkpoint", async () => {
    const whole = new CountingMethod(10);
    await train(whole);
    const storage = new MemoryStorage();
    const crashing = new CountingMethod(10, 1.5, (iteration) => {
      if (iteration === 6) throw new Error("power cut");
    });
    expect(await caught(train(crashing, { storage, checkpointEvery: 4 }))).toMatchObject({ message: "power cut" });
    await storage.append("metrics.jsonl", new TextEncoder().encode('{"iteration":6,"lo'));
    const resumed = new CountingMethod(10);
    await train(resumed, { storage, checkpointEvery: 4 });
    expect(resumed.value).toEqual(whole.value);
    expect((await lines(storage)).map((line) => line.iteration)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("does not continue an older run when one that was begun anew crashed before its first checkpoint", async () => {
    const storage = new MemoryStorage();
    await train(new CountingMethod(5), { storage });
    const crashing = new CountingMethod(5, 1.5, (iteration) => {
      if (iteration === 2) throw new Error("power cut");
    });
    await caught(train(crashing, { storage, resume: "never" }));
    const iterations: number[] = [];
    await train(new CountingMethod(5), { storage, onReport: ({ iteration }) => iterations.push(iteration) });
    expect(iterations).toEqual([1, 2, 3, 4, 5]);
    expect((await lines(storage)).map((line) => line.iteration)).toEqual([1, 2, 3, 4, 5]);
  });

  it("does nothing more when the checkpoint is complete, and starts anew when told to", async () => {
    const storage = new MemoryStorage();
    await train(new CountingMethod(3), { storage });
    expect(await train(new CountingMethod(3), { storage })).toBeUndefined();
    expect((await train(new CountingMethod(3), { storage, resume: "never" }))?.iteration).toBe(3);
    expect((await lines(storage)).map((line) => line.iteration)).toEqual([1, 2, 3]);
  });

  it("saves a checkpoint before it stops on a signal, also one that fires within an iteration", async () => {
    const storage = new MemoryStorage();
    const controller = new AbortController();
    const method = new CountingMethod(10, 1.5, (iteration) => iteration === 4 && controller.abort("enough"));
    const error = await caught(train(method, { storage, signal: controller.signal }));
    expect(isErrorNamed(error, "AbortError")).toBe(true);
    expect(String(error)).toContain("after 4 of 10 iterations");
    const resumed = new CountingMethod(10);
    await train(resumed, { storage });
    const whole = new CountingMethod(10);
    await train(whole);
    expect(resumed.value).toEqual(whole.value);
  });

  it("leaves what is stored alone when the signal fired before the start, whether to resume or not", async () => {
    const storage = new MemoryStorage();
    await train(new CountingMethod(3), { storage });
    const before = await Promise.all([storage.read("checkpoint.safetensors"), storage.read("metrics.jsonl")]);
    for (const resume of ["auto", "never"] as const) {
      const error = await caught(train(new CountingMethod(3), { storage, resume, signal: AbortSignal.abort("late") }));
      expect(isErrorNamed(error, "AbortError")).toBe(true);
      const after = await Promise.all([storage.read("checkpoint.safetensors"), storage.read("metrics.jsonl")]);
      expect(after).toEqual(before);
    }
  });

  it("refuses a word that it does not know", async () => {
    const error = await caught(train(new CountingMethod(1), { resume: "nver" as "never" }));
    expect(isErrorNamed(error, "ArgumentError")).toBe(true);
    expect(String(error)).toContain('Did you mean "never"?');
  });

  it("refuses an impossible interval", async () => {
    expect(isErrorNamed(await caught(train(new CountingMethod(1), { checkpointEvery: 0 })), "ArgumentError")).toBe(
      true,
    );
  });

  it("writes a progress line of known numbers only", () => {
    const line = progressLine({
      iteration: 2,
      iterations: 9,
      checkpointed: false,
      metrics: { reward: 1.23456, loss: 0.5 },
    });
    expect(line).toBe("iteration 2/9  reward 1.23  loss 0.500");
  });
});

describe("checkpoints", () => {
  async function saved(): Promise<{ storage: MemoryStorage; bytes: Uint8Array }> {
    const storage = new MemoryStorage();
    await train(new CountingMethod(3), { storage });
    return { storage, bytes: (await storage.read("checkpoint.safetensors"))! };
  }

  it("refuses one of another run and names the setting that differs", async () => {
    const { storage } = await saved();
    const error = await caught(train(new CountingMethod(3, 2), { storage }));
    expect(isErrorNamed(error, "CheckpointError")).toBe(true);
    expect(String(error)).toContain("factor is 1.5 there and 2 here");
  });

  it("notices a single bit that changed anywhere", async () => {
    const { bytes } = await saved();
    for (let at = 0; at < bytes.length; at++) {
      const storage = new MemoryStorage();
      const altered = bytes.slice();
      altered[at]! ^= 1 << (at % 8);
      await storage.write("checkpoint.safetensors", altered);
      const method = new CountingMethod(3);
      expect(isErrorNamed(await caught(train(method, { storage })), "CheckpointError"), `byte ${at}`).toBe(true);
      expect(method.iteration).toBe(0);
    }
  });

  it("refuses truncated, altered and foreign files, and leaves the method as it was", async () => {
    const { storage, bytes } = await saved();
    const text = decoder.decode(bytes);
    const altered = new TextEncoder().encode(text.replace("counting", "countinG"));
    const cases: [Uint8Array, RegExp][] = [
      [bytes.slice(0, bytes.length - 2), /no intact checkpoint/],
      [bytes.slice(0, 5), /no intact checkpoint/],
      [new TextEncoder().encode("hello, this is no checkpoint at all"), /no intact checkpoint/],
      [altered.length === bytes.length ? altered : bytes.slice(0, 9), /damaged|another run|no intact/],
    ];
    for (const [content, message] of cases) {
      await storage.write("checkpoint.safetensors", content);
      const method = new CountingMethod(3);
      const error = await caught(train(method, { storage }));
      expect(isErrorNamed(error, "CheckpointError")).toBe(true);
      expect(String(error)).toMatch(message);
      expect(method.iteration).toBe(0);
      expect(await storage.read("checkpoint.safetensors")).toEqual(content);
    }
  });
});
