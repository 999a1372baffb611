// The quickstart of the molecules, from end to end: drug-like ones by value matching.
import "@diffusiongym/molecules";
import { adaptAndJudge } from "./adapt-and-judge.mjs";

process.exitCode = await adaptAndJudge({
  args: [
    ...["molecules/small", "molecules/qed", "--reward-scale", "30", "--steps", "50", "--noise", "memoryless"],
    ...["--iterations", "100", "--batch-size", "32", "--learning-rate", "0.002", "-n", "200"],
    ...process.argv.slice(2),
  ],
  out: "diffusiongym-report/example-molecules",
  aim: 0.5,
});
