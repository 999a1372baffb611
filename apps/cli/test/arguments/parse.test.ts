import { describe, expect, it } from "vitest";
import {
  choice,
  flag,
  integer,
  number,
  parseArguments,
  text,
  textList,
  UsageError,
} from "../../src/arguments/index.js";

const options = {
  steps: integer(32, { least: 1, most: 100 }, { description: "steps" }),
  count: integer(undefined, { least: 0 }, { description: "samples", short: "n" }),
  rate: number(0.5, { description: "rate", positive: true }),
  scale: number(1, { description: "scale" }),
  target: choice(["martingale", "plain"], "martingale", "target"),
  out: text({ description: "folder" }),
  import: textList({ description: "package" }),
  json: flag("json"),
  "no-look-ahead": flag("look-ahead"),
};

const parse = (...args: string[]) => parseArguments(options, args, true);
const refusal = (...args: string[]): string => {
  try {
    parse(...args);
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError);
    return (error as Error).message;
  }
  throw new Error(`${args.join(" ")} was accepted`);
};

describe("parseArguments", () => {
  it("fills in defaults", () => {
    expect(parse()).toEqual({
      positionals: [],
      values: {
        steps: 32,
        count: undefined,
        rate: 0.5,
        scale: 1,
        target: "martingale",
        out: undefined,
        import: [],
        json: false,
        "no-look-ahead": false,
      },
      model: {},
      reward: {},
    });
  });

  it("reads values in every usual spelling, and lets the last one count", () => {
    const { positionals, values } = parse(
      "toy/gmm",
      "--steps",
      "7",
      "--steps=8",
      "-n",
      "5",
      "--scale",
      "-1.5",
      "toy/linear",
      "--json",
      "--out",
      "-x-",
    );
    expect(positionals).toEqual(["toy/gmm", "toy/linear"]);
    expect(values).toMatchObject({ steps: 8, count: 5, scale: -1.5, json: true, out: "-x-" });
    expect(parse("-n5").values.count).toBe(5);
    expect(parse("--import", "a", "--import=b").values.import).toEqual(["a", "b"]);
  });

  it("takes everything after -- as ids", () => {
    expect(parse("--", "--steps").positionals).toEqual(["--steps"]);
  });

  it("reads options of the model and the reward as JSON, or as text", () => {
    const { model, reward, positionals } = parse(
      "a",
      "--model.means",
      "[[0, 1]]",
      "--model.outputType",
      "score",
      "--reward.offset",
      "-1",
      "--reward.direction=[1,0]",
      "b",
    );
    expect(model).toEqual({ means: [[0, 1]], outputType: "score" });
    expect(reward).toEqual({ offset: -1, direction: [1, 0] });
    expect(positionals).toEqual(["a", "b"]);
  });

  it.each([
    [["--stpes", "3"], "There is no option --stpes. Did you mean --steps?"],
    [["--modle.means", "3"], "There is no option --modle.means. Did you mean --model.NAME?"],
    [["-q"], "There is no option -q."],
    [["--steps"], "--steps needs a value."],
    [["--out", "--json"], '--out needs a value, but "--json" follows.'],
    [["--model.means"], "--model.means needs a value."],
    [["--json=yes"], '--json takes no value, but "yes" was given.'],
    [["--steps", "0"], "--steps 0: this must be a whole number from 1 to 100."],
    [["--steps", "2.5"], "--steps 2.5: this must be a whole number from 1 to 100."],
    [["-n", "-3"], "--count -3: this must be a whole number from 0 on."],
    [["--steps", ""], "--steps : this must be a whole number from 1 to 100."],
    [["--rate", "0"], "--rate 0: this must be a number above 0."],
    [["--scale", "Infinity"], "--scale Infinity: this must be a finite number."],
    [["--scale", "big"], "--scale big: this must be a finite number."],
    [["--target", "plian"], '--target plian: did you mean "plain"? It is one of martingale, plain.'],
  ])("refuses %j", (args, message) => {
    expect(refusal(...args)).toBe(message);
  });

  it("knows no options of parts where there are no parts", () => {
    expect(() => parseArguments(options, ["--model.means", "3"], false)).toThrow("There is no option --model.means");
  });
});
