import { IncompatibleError, RandomKey, Tensor } from "@diffusiongym/core";
import { expect, test } from "vitest";
import { GraphBuilder, linear } from "../../src/builder/index.js";
import { Engine, type Executable } from "../../src/engine/index.js";
import { Network } from "../../src/network/index.js";

const definition = () => {
  const g = new GraphBuilder("line");
  g.output("y", linear(g, g.input("x", ["N", 2]), { name: "l", out: 1 }));
  return g.build();
};
const x = Tensor.from([[1, 2]]);

test("`await using` gives networks, graphs and engines back at the end of the block, after runs in progress", async () => {
  let network: Network;
  let executable: Executable;
  let running: Promise<unknown>;
  {
    await using engine = new Engine({ threads: 1 });
    {
      await using inner = Network.initialize(definition(), RandomKey.fromSeed(1), { engine });
      network = inner;
      running = inner.run({ x });
    }
    await expect(running).resolves.toBeDefined();
    await expect(network.run({ x })).rejects.toThrow(IncompatibleError);
    await expect(network.run({ x })).rejects.toThrow(/"line" was disposed and cannot run/);
    {
      await using compiled = await engine.compile(network.freeze().graph);
      executable = compiled;
    }
    await expect(executable.run({ x })).rejects.toThrow(/"line" was disposed and cannot run; compile it again/);
    executable = await engine.compile(network.freeze().graph);
  }
  await expect(executable.run({ x })).rejects.toThrow(IncompatibleError);
});
