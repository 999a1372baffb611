/** What a mark shows. Colours are of Okabe and Ito's palette, which people with any colour vision can tell apart. */
export type Role = "base" | "adapted" | "exact" | "reward";

/** Colours by role, on light and on dark paper. */
export const palette: Readonly<
  Record<Role | "paper" | "ink" | "faint" | "grid", readonly [light: string, dark: string]>
> = {
  base: ["#0072b2", "#56b4e9"],
  adapted: ["#d55e00", "#ff9d5c"],
  exact: ["#1b1b1b", "#f2f2f2"],
  reward: ["#009e73", "#21c298"],
  paper: ["#ffffff", "#15181c"],
  ink: ["#24292f", "#e3e7eb"],
  faint: ["#5b6570", "#a3adb8"],
  grid: ["#e4e8ec", "#2c333a"],
};

const names = Object.keys(palette) as (keyof typeof palette)[];
const variables = (which: 0 | 1): string => names.map((name) => `--dg-${name}:${palette[name][which]}`).join(";");

/** The rules that pictures share; light or dark by what the reader prefers. */
export const style =
  `:root{${variables(0)}}` +
  `@media(prefers-color-scheme:dark){:root{${variables(1)}}}` +
  ".dg{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif}" +
  ".dg text{fill:var(--dg-ink)}.dg .dg-faint{fill:var(--dg-faint)}.dg .dg-title{font-weight:600}" +
  ".dg-paper{fill:var(--dg-paper)}.dg-grid{stroke:var(--dg-grid);fill:none}.dg-axis{stroke:var(--dg-faint);fill:none}";

/** The colour of a role, as CSS. */
export function color(role: Role): string {
  return `var(--dg-${role})`;
}
