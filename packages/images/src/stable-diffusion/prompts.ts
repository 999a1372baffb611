import { ArgumentError, type SampleStreams, ShapeError } from "@diffusiongym/core";

/** Prompts that are drawn when none are given, written for this project: scenes, animals, objects, people, in several media. */
export const defaultPrompts: readonly string[] = [
  "a photograph of a red bicycle leaning against a garden wall",
  "a watercolour of a lighthouse above a calm sea at dawn",
  "an oil painting of two foxes asleep under a birch tree",
  "a bowl of oranges on a blue tablecloth, morning light",
  "a narrow street in an old town after rain, lanterns lit",
  "a pencil drawing of an owl reading a newspaper",
  "a wooden sailing boat in a harbour, seen from above",
  "a mountain lake with snow on the peaks, wide angle",
  "a robot watering flowers on a balcony, illustration",
  "a close photograph of a bee on a sunflower",
  "an astronaut playing the cello on the moon",
  "a steam train crossing a stone bridge in autumn",
  "a portrait of an old fisherman in a yellow coat",
  "a castle made of books, papercut style",
  "a cup of coffee beside a window on a rainy day",
  "three hot air balloons over fields of lavender",
];

/** The prompts of n samples: those given, one for all or one a sample. @throws ArgumentError; ShapeError */
export function readPrompts(n: number, given: string | readonly string[], name: string): readonly string[] {
  const prompts = typeof given === "string" ? new Array<string>(n).fill(given) : given;
  if (!Array.isArray(prompts)) {
    throw new ArgumentError(`${name} must be a text or an array of one a sample, got ${String(given)}.`, name, given);
  }
  if (prompts.length !== n) {
    throw new ShapeError(`${name} holds ${prompts.length} texts for ${n} samples.`, [n], [prompts.length]);
  }
  const wrong = prompts.findIndex((prompt) => typeof prompt !== "string");
  if (wrong >= 0) {
    throw new ArgumentError(
      `${name} must be text, got ${JSON.stringify(prompts[wrong])} for sample ${wrong}.`,
      name,
      prompts[wrong],
    );
  }
  return prompts;
}

/** Draws a prompt for each of n samples, evenly. @param streams one a sample; sample i draws from its own only */
export function drawPrompts(n: number, prompts: readonly string[], streams: SampleStreams): readonly string[] {
  const drawn = streams.fold("prompt");
  return Array.from({ length: n }, (_, i) => prompts[drawn.at(i).integer(0, prompts.length)]!);
}

/** Refuses a list from which nothing can be drawn. @throws ArgumentError */
export function checkPrompts(prompts: readonly string[]): readonly string[] {
  if (!Array.isArray(prompts) || prompts.length === 0 || prompts.some((prompt) => typeof prompt !== "string")) {
    throw new ArgumentError(
      `prompts must be an array of at least one text, got ${JSON.stringify(prompts)}.`,
      "prompts",
      prompts,
    );
  }
  return prompts;
}
