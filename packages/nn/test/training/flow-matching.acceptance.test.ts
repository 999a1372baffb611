import { expect, test } from "vitest";
import { Engine } from "../../src/engine/index.js";
import { FlowMatching } from "./flow-matching-task.js";

// Issue "Training works": the same images in the same order, the same initial weights, the same optimizer as in torch.
test("the narrow U-Net learns to denoise drawn images as well as in torch", async () => {
  const engine = new Engine({ threads: 1 });
  const task = await FlowMatching.load(engine);
  const { torch } = task;
  const [start, ...reached] = torch.validationLosses;
  const validations: number[] = [];
  for (let step = 1; step <= torch.steps; step++) {
    await task.step();
    if (step % torch.validationEvery === 0) {
      validations.push(await task.validate());
      const ratio = validations[validations.length - 1]! / reached[validations.length - 1]!;
      console.log(
        `${step} steps: validation ${validations[validations.length - 1]!.toFixed(5)}, ${ratio.toFixed(4)} of torch's`,
      );
    }
  }
  await task.network.dispose();
  await engine.dispose();
  const end = validations[validations.length - 1]!;
  expect(end).toBeLessThan(start! / 2);
  expect(Math.abs(end / reached[reached.length - 1]! - 1)).toBeLessThan(0.05);
});
