import { expect, it } from "vitest";
import { measureMolecules, qedProperties } from "../../src/chemistry/index.js";
import { recordOf, verdicts } from "../molecule-records.js";
import { watchedHost } from "./watched-memory.js";

it("the memory of RDKit stays as it is over 3000 molecules, 300 of them measured for QED", async () => {
  const { host, bytes } = await watchedHost();
  const molecules = verdicts.cases.filter(({ group }) => group === "molecules").map((one) => recordOf(one));
  const judge = (n: number) =>
    measureMolecules(
      Array.from({ length: n }, (_, i) => molecules[i % molecules.length]!),
      () => 1,
      host,
    );
  await measureMolecules(molecules, qedProperties, host);
  const before = bytes();
  for (let round = 0; round < 4; round++) {
    await measureMolecules(molecules, qedProperties, host);
    await judge(700);
  }
  expect(bytes()).toBe(before);
  // Not deleted, the same molecules take tens of megabytes.
  await host.use((scope) => {
    for (let i = 0; i < 3000; i++) {
      scope.read(molecules[i % molecules.length]!);
    }
  });
  expect(bytes()).toBeGreaterThan(before);
});
