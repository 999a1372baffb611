import type { Estimate, Row } from "../evaluation/index.js";

/** A number with its error, as text; the parts are apart so that columns can be aligned. */
export interface CellText {
  readonly value: string;
  /** Empty when there is no error. */
  readonly error: string;
}

/** A number with a fixed number of decimals; no minus before zero. */
export function fixed(value: number, decimals: number): string {
  const text = value.toFixed(decimals);
  return Number(text) === 0 ? text.replace("-", "") : text;
}

/** The text of one cell. */
export function cellText(estimate: Estimate | undefined, decimals: number): CellText {
  if (estimate === undefined) {
    return { value: "", error: "" };
  }
  const { value, error } = estimate;
  return {
    value: fixed(value, decimals),
    error: error === undefined || error === 0 ? "" : `± ${fixed(error, decimals)}`,
  };
}

/** A row's name with its unit. */
export function rowName({ name, unit }: Row): string {
  return unit === undefined ? name : `${name} [${unit}]`;
}

/** Which columns there are: the exact one only if something is known exactly. */
export function columnsOfRows(rows: readonly Row[]): readonly ("base" | "adapted" | "exact")[] {
  const columns = ["base", "adapted", "exact"] as const;
  return columns.filter((column) => rows.some((row) => row[column] !== undefined));
}

/** The table for a terminal: names on the left, numbers aligned at their ends, errors beside them. */
export function textTable(rows: readonly Row[], emphasize: (text: string) => string): string {
  const columns = columnsOfRows(rows);
  const cells = rows.map((row) => columns.map((column) => cellText(row[column], row.decimals)));
  const longest = (texts: readonly string[]): number => Math.max(0, ...texts.map((text) => text.length));
  const nameWidth = longest(rows.map(rowName));
  const widths = columns.map((column, k) => {
    const error = longest(cells.map((row) => row[k]!.error));
    const value = Math.max(longest(cells.map((row) => row[k]!.value)), column.length - (error > 0 ? error + 1 : 0));
    return { value, error };
  });
  const header = columns.map((column, k) => {
    const { value, error } = widths[k]!;
    return column.padStart(value).padEnd(value + (error > 0 ? error + 1 : 0));
  });
  const lines = cells.map((row, r) =>
    [
      rowName(rows[r]!).padEnd(nameWidth),
      ...row.map(({ value, error }, k) => {
        const width = widths[k]!;
        return value.padStart(width.value) + (width.error > 0 ? ` ${error.padEnd(width.error)}` : "");
      }),
    ]
      .join("   ")
      .trimEnd(),
  );
  return [emphasize(["".padEnd(nameWidth), ...header].join("   ").trimEnd()), ...lines].join("\n");
}

/** What each row is, once for rows that mean the same. */
export function meaningsOf(rows: readonly Row[]): [name: string, meaning: string][] {
  const names = new Map(rows.map(({ meaning, name }) => [meaning, name.startsWith("mode at") ? "mode at …" : name]));
  return Array.from(names, ([meaning, name]) => [name, meaning]);
}

/** 20000 as `20 000`. */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, " ");
}
