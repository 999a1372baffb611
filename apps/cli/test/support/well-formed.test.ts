import { describe, expect, it } from "vitest";
import { markupProblem } from "./well-formed.js";

describe("markupProblem", () => {
  it("accepts markup that is well-formed", () => {
    expect(markupProblem('<!doctype html><html><meta charset="a"><p title="x &lt; y">a &amp; b<i/></p></html>')).toBe(
      undefined,
    );
  });

  it.each(["<p><b></p></b>", "<p>", "a < b", "<p>a & b</p>", "<p title=x></p>", "</p>"])(
    "finds what is wrong with %s",
    (markup) => {
      expect(markupProblem(markup)).toBeTypeOf("string");
    },
  );
});
