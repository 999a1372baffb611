import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { configArguments, flag, integer, number, readConfigFile, text } from "../../src/arguments/index.js";
import { temporaryFolder } from "../support/temporary.js";

const options = {
  iterations: integer(10, { least: 1 }, { description: "" }),
  "learning-rate": number(1e-3, { description: "", positive: true }),
  "no-look-ahead": flag(""),
  method: text({ placeholder: "NAME", description: "" }),
};

async function argumentsOf(content: string, name = "run.yaml"): Promise<string[]> {
  const folder = temporaryFolder();
  writeFileSync(join(folder, name), content);
  return configArguments(await readConfigFile(name, folder), options);
}

const settings = `
# A run that is worth keeping.
method: ddpo
iterations: 400
learningRate: 3e-4 # below 1e-3 nothing is lost
lookAhead: false
model:
  means: [[0, 1], [2, 3]]
reward: { direction: [1, 0], name: linear }
`;

describe("a YAML file", () => {
  it.each(["run.yaml", "run.yml", "RUN.YAML"])("%s is read as the same settings in JSON are", async (name) => {
    const json = {
      method: "ddpo",
      iterations: 400,
      learningRate: 3e-4,
      lookAhead: false,
      model: {
        means: [
          [0, 1],
          [2, 3],
        ],
      },
      reward: { direction: [1, 0], name: "linear" },
    };
    const expected = await argumentsOf(JSON.stringify(json), "run.json");
    expect(expected).toContain("--no-look-ahead");
    expect(await argumentsOf(settings, name)).toEqual(expected);
  });

  it("may use an alias, and end with its document's mark", async () => {
    const given = await argumentsOf("model: &part { scale: 2 }\nreward: *part\n...\n");
    expect(given).toEqual(["--model.scale=2", "--reward.scale=2"]);
  });

  it.each([
    ["iteration: 3", 'there is no setting "iteration". Did you mean "iterations"?'],
    ["learning-rate: 3", 'there is no setting "learning-rate". Did you mean "learningRate"?'],
    ['iterations: "3"', '"iterations" must be a number, but it is "3".'],
    ["iterations: 1.5", '"iterations": --iterations 1.5: this must be a whole number from 1 on.'],
    ["iterations: .nan", '"iterations": --iterations NaN: this must be a whole number from 1 on.'],
    ["lookAhead: no", '"lookAhead" must be true or false, but it is "no".'],
    ["lookAhead: .inf", '"lookAhead" must be true or false, but it is "Infinity".'],
    [
      "model: { scale: [1, -.inf] }",
      '"model.scale" is [1,"-Infinity"], which JSON cannot say; numbers must be finite.',
    ],
    ["model: 3", '"model" must be an object of the model\'s options, but it is 3.'],
    ["- iterations: 3", "a mapping of settings is needed, such as iterations: 400."],
    ["", "a mapping of settings is needed"],
  ])("%j is refused by the schema that JSON has, too", async (content, message) => {
    await expect(argumentsOf(content)).rejects.toThrow(message);
  });

  it.each([
    ["iterations: 3\nmodel: [1, 2\nmethod: ddpo", "--config run.yaml: line 3, column 1: "],
    ["iterations: 3\n  seed: 4", "line 1, column 13: Nested mappings"],
    ["\titerations: 3", "line 1, column 1: Tabs are not allowed as indentation."],
    ["iterations: 3\niterations: 4", "line 2, column 1: Map keys must be unique."],
    ["iterations: 3\n---\niterations: 4", "line 2, column 1: a second document begins, and settings are one."],
    ["model:\n  scale: !python/object 3", "line 2, column 10: Unresolved tag: !python/object."],
    ["model: *part", "line 1, column 8: no anchor &part comes before this alias."],
    ["model: &part\n  scale: [*part]", "line 2, column 11: *part stands within what it stands for."],
    ["? [a, b]\n: 3", "line 1, column 3: a setting's name must be a word."],
  ])("%j is refused with line and column", async (content, message) => {
    await expect(argumentsOf(content)).rejects.toThrow(message);
  });

  it("is refused when its aliases multiply", async () => {
    // Twelve lines, nine to the power of eleven values.
    const lines = Array.from({ length: 12 }, (_, k) => {
      const before = k === 0 ? "x" : `*a${k - 1}`;
      return `  k${k}: &a${k} [${new Array(9).fill(before).join(", ")}]`;
    });
    await expect(argumentsOf(`model:\n${lines.join("\n")}\n`)).rejects.toThrow(
      "--config run.yaml: its aliases multiply to more than 100 values; write them out.",
    );
  });
});
