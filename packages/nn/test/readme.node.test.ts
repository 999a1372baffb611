import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { opNames, ops } from "../src/index.js";

test("the README's table of operators is that of the code", async () => {
  const readme = await readFile(new URL("../README.md", import.meta.url), "utf8");
  const [, table = ""] = readme.split("<!-- operators -->");
  const [differentiable, others] = [true, false].map((has) =>
    opNames.filter((name) => (ops[name].gradient !== "none") === has).map((name) => `\`${name}\``),
  );
  // The formatter pads the cells.
  expect(table.trim().replaceAll(/ +/g, " ").replaceAll(/-{3,}/g, "---")).toBe(
    [
      "| | operators |",
      "| --- | --- |",
      `| with a derivative | ${differentiable!.join(" ")} |`,
      `| without one: their outputs do not change differentiably with any input | ${others!.join(" ")} |`,
    ].join("\n"),
  );
});
