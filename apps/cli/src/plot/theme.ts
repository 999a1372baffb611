import type { Attributes } from "./svg.js";

/** What a mark shows. Colours are of Okabe and Ito's palette, which people with any colour vision can tell apart. */
export type Role = "base" | "adapted" | "exact" | "reward" | "gradient" | "sampler";

/** Colours by role, on light and on dark paper. */
export const palette: Readonly<
  Record<Role | "paper" | "ink" | "faint" | "grid", readonly [light: string, dark: string]>
> = {
  base: ["#0072b2", "#56b4e9"],
  adapted: ["#d55e00", "#ff9d5c"],
  exact: ["#1b1b1b", "#f2f2f2"],
  reward: ["#009e73", "#21c298"],
  gradient: ["#a8518a", "#e08fc2"],
  sampler: ["#8f6b00", "#e6b422"],
  paper: ["#ffffff", "#15181c"],
  ink: ["#24292f", "#e3e7eb"],
  faint: ["#5b6570", "#a3adb8"],
  grid: ["#e4e8ec", "#2c333a"],
};

type ColorName = keyof typeof palette;

const names = Object.keys(palette) as ColorName[];
const variables = (which: 0 | 1): string => names.map((name) => `--dg-${name}:${palette[name][which]}`).join(";");

/** Rules for one paper: what marks and texts are painted with. */
const rules = (which: 0 | 1): string => {
  const paint = (name: ColorName): string => palette[name][which];
  return (
    `.dg text{fill:${paint("ink")}}.dg .dg-faint{fill:${paint("faint")}}.dg-paper{fill:${paint("paper")}}` +
    `.dg-grid{stroke:${paint("grid")};fill:none}.dg-axis{stroke:${paint("faint")};fill:none}`
  );
};

/** Marks carry the colours of light paper as attributes; only dark paper needs rules. */
const darkMarks = names
  .map((name) => `.dg .dg-fill-${name}{fill:${palette[name][1]}}.dg .dg-stroke-${name}{stroke:${palette[name][1]}}`)
  .join("");

/**
 * The rules that pictures share; light or dark by what the reader prefers. Colours are written out where a picture needs them,
 * because programs that draw SVG without a browser know no variables and paint black; the variables are for the page around.
 */
export const style =
  `:root{${variables(0)}}@media(prefers-color-scheme:dark){:root{${variables(1)}}}` +
  ".dg{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}.dg .dg-title{font-weight:600}" +
  `${rules(0)}@media(prefers-color-scheme:dark){${rules(1)}${darkMarks}}`;

/** Attributes that paint a mark in the colour of a role, on light and on dark paper. */
export function paintOf(role: Role, what: { readonly fill?: boolean; readonly stroke?: boolean }): Attributes {
  const [light] = palette[role];
  const classes = [what.fill && `dg-fill-${role}`, what.stroke && `dg-stroke-${role}`].filter(Boolean);
  return {
    fill: what.fill ? light : "none",
    stroke: what.stroke ? light : undefined,
    class: classes.join(" "),
  };
}
