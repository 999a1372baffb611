/** A run of value matching in a process of its own, to be killed: arguments are the folder and the iterations. */
import { FileStorage, train, ValueMatching } from "@diffusiongym/methods";
import { s1, valueNetwork } from "../support/problems.js";

const [folder, iterations] = process.argv.slice(2) as [string, string];
const { environment } = await s1(8);
const value = valueNetwork(1, { width: 16, depth: 2 });
const method = new ValueMatching({
  environment,
  value,
  iterations: Number(iterations),
  batchSize: 32,
  learningRate: 1e-2,
});
await train(method, {
  storage: new FileStorage(folder),
  checkpointEvery: 10,
  onReport: ({ iteration }) => process.stdout.write(`${iteration}\n`),
});
