import { readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { describeOperators, printOperatorTable } from "./ops/operator-table.js";

const marker = "<!-- operators -->";

/** To write the table anew: `WRITE_README=1 npx vitest run packages/nn/test/readme.node.test.ts`. */
const writes = process.env.WRITE_README === "1";

test("the README's table of operators is that of the code", async () => {
  const path = new URL("../README.md", import.meta.url);
  const table = printOperatorTable(await describeOperators());
  const [before = "", after = ""] = (await readFile(path, "utf8")).split(marker);
  const lines = after.trimStart().split("\n");
  const end = lines.findIndex((line) => !line.startsWith("|"));
  const written = (end < 0 ? lines : lines.slice(0, end)).join("\n");
  if (writes) {
    const rest = end < 0 ? "" : lines.slice(end).join("\n");
    await writeFile(path, `${before}${marker}\n\n${table}\n${rest}`);
    return;
  }
  // A formatter may pad the cells.
  expect(written.replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---")).toBe(table);
});
