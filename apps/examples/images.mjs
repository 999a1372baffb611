// The quickstart of the images, from end to end: scenes that make small JPEG files, by value matching.
import "@diffusiongym/images";
import { adaptAndJudge } from "./adapt-and-judge.mjs";

process.exitCode = await adaptAndJudge({
  args: [
    ...["images/scenes", "images/compression", "--reward-scale", "10", "--steps", "50"],
    ...["--iterations", "50", "--batch-size", "32", "--updates-per-iteration", "3", "--learning-rate", "0.002"],
    ...["--threads", "2", "-n", "64"],
    ...process.argv.slice(2),
  ],
  out: "diffusiongym-report/example-images",
  aim: 1,
});
