import { expect, it } from "vitest";
import { measureMolecules, qedProperties } from "../../src/chemistry/index.js";
import { judged, recordOf } from "../molecule-records.js";
import { watchedHost } from "./watched-memory.js";

it("the memory of RDKit stays as it is over 100 000 molecules, every tenth of them measured for QED", async () => {
  const { host, bytes } = await watchedHost();
  const molecules = judged.cases.map((one) => recordOf(one));
  const sizes: number[] = [];
  for (let done = 0; done < 100_000; done += 1000) {
    const batch = Array.from({ length: 1000 }, (_, i) => molecules[(done + i) % molecules.length]!);
    await measureMolecules(batch.slice(0, 100), qedProperties, host);
    await measureMolecules(batch.slice(100), () => 1, host);
    sizes.push(bytes());
  }
  console.log(`WebAssembly memory: ${sizes[0]} bytes after 1000 molecules, ${sizes.at(-1)} after 100 000`);
  expect(host.deaths).toBe(0);
  expect(sizes.at(-1)).toBe(sizes[5]);
});
