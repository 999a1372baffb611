import { type BaseModel, convertOutput, type DiffusionData, type Scheduler } from "@diffusiongym/core";

/**
 * grad log p_base at data points, from the base model's output at a time slightly before 1: alpha s(alpha x1, t), the score
 * of x1 with noise of standard deviation beta / alpha added.
 */
export async function baseScore<D extends DiffusionData<D>, C extends object>(
  model: BaseModel<D, C>,
  x1: D,
  conditioning: C,
  time: number,
): Promise<D> {
  const { scheduler, outputType } = model;
  const toScore = (part: Scheduler, t: number) => convertOutput(outputType, "score", part, t);
  const x = x1.scale(scheduler.evaluate((part, t) => part.alpha(t), time));
  const output = await model.forward(x, new Float32Array(x1.length).fill(time), conditioning);
  return x.linearCombination(
    scheduler.evaluate((part, t) => part.alpha(t) * toScore(part, t).state, time),
    [[scheduler.evaluate((part, t) => part.alpha(t) * toScore(part, t).output, time), output]],
  );
}
