import { AbortError, isErrorNamed } from "@diffusiongym/core";
import { describe, expect, it } from "vitest";
import { environment, rejection } from "../support/refusals.js";

describe("an AbortSignal", () => {
  it("that has fired before the start stops everything", async () => {
    const error = await rejection(environment().sample(2, { signal: AbortSignal.abort("no time") }));
    expect(error).toBeInstanceOf(AbortError);
    expect(error).toMatchObject({ reason: "no time" });
    expect(error.message).toMatch(/Sampling was stopped .*no time/);
  });

  it("that fires in mid-rollout stops before the next step, in whichever batch", async () => {
    for (const last of [1, 2, 5, 7]) {
      const controller = new AbortController();
      const seen: number[] = [];
      const onProgress = ({ completed }: { completed: number }): void => {
        seen.push(completed);
        if (completed === last) controller.abort();
      };
      const options = { signal: controller.signal, onProgress, batchSize: 2 };
      const error = await rejection(environment().sample(4, options));
      expect(isErrorNamed(error, "AbortError")).toBe(true);
      expect(seen.at(-1)).toBe(last);
    }
  });

  it("that fires in the last step still stops before the reward", async () => {
    const controller = new AbortController();
    const evaluate = (): never => {
      throw new Error("the reward was asked");
    };
    const stopped = environment({ steps: 3 }, { reward: { evaluate } });
    const onProgress = ({ completed, total }: { completed: number; total: number }): void => {
      if (completed === total) controller.abort();
    };
    const error = await rejection(stopped.sample(2, { signal: controller.signal, onProgress }));
    expect(error).toBeInstanceOf(AbortError);
  });

  it("of a rollout that is given up leaves nothing behind", async () => {
    const rollout = environment().rollout(2);
    await rollout.next();
    await rollout.return(undefined as never);
    expect((await rollout.next()).done).toBe(true);
  });
});
