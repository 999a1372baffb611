import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Engine } from "../../src/engine/index.js";
import { drawImage, drawNoise, drawTime, FlowMatching } from "./flow-matching-task.js";

const total = (data: Float32Array): number => data.reduce((sum, value) => sum + value, 0);

describe("flow matching of the narrow U-Net, as in torch", () => {
  const engine = new Engine({ threads: 1 });
  let task: FlowMatching;
  beforeAll(async () => {
    task = await FlowMatching.load(engine);
  });
  afterAll(async () => {
    await task?.network.dispose();
    await engine.dispose();
  });

  test("the drawn images, noise and times are those of torch", () => {
    expect(total(drawImage(0))).toBe(task.torch.sumOfFirstImage);
    expect(total(drawNoise(0))).toBeCloseTo(task.torch.sumOfFirstNoise, 3);
    expect(drawTime(0)).toBe(task.torch.firstTime);
  });

  test("the validation loss and the losses of the first six steps are those of torch", async () => {
    expect(Math.abs((await task.validate()) / task.torch.validationLosses[0]! - 1)).toBeLessThan(1e-5);
    for (let step = 0; step < 6; step++) {
      expect(Math.abs((await task.step()) / task.torch.losses[step]! - 1), `step ${step}`).toBeLessThan(1e-4);
    }
  });
});
