/** What xtb tells of a molecule, where it tells it. */
export interface XtbProperties {
  /** Total energy in hartree. */
  readonly energy?: number;
  /** Energy of the highest orbital that holds electrons, in electronvolt. */
  readonly homo?: number;
  /** Energy of the lowest orbital that holds none, in electronvolt; a lone hydrogen atom has none in the basis. */
  readonly lumo?: number;
  /** lumo - homo in electronvolt. */
  readonly homoLumoGap?: number;
  /** Length of the dipole moment in debye. */
  readonly dipoleMoment?: number;
  /** Static polarizability in atomic units (bohr^3). */
  readonly polarizability?: number;
  /** Heat capacity at constant pressure and 298.15 K in cal/(mol K); only where the Hessian was computed. */
  readonly heatCapacity?: number;
}

/** One of them. */
export type XtbProperty = keyof XtbProperties;

const debyePerAtomicUnit = 2.5417;

/**
 * Reads the results of a run. What is missing, cut off or no finite number is left out.
 * @param json text of xtb's `xtbout.json`
 * @param log what it printed
 */
export function readXtbOutput(json: string, log: string): XtbProperties {
  const results = parseObject(json);
  const energies = numbers(results["orbital energies/eV"]);
  const occupations = numbers(results["fractional occupation"]);
  const occupied = occupations.findLastIndex((occupation) => occupation > 0);
  const homo = energies[occupied];
  const lumo = energies[occupations.indexOf(0)];
  const dipole = numbers(results.dipole);
  return finite({
    energy: results["total energy"],
    homo,
    lumo,
    homoLumoGap: homo !== undefined && lumo !== undefined ? lumo - homo : undefined,
    dipoleMoment: dipole.length === 3 ? debyePerAtomicUnit * Math.hypot(...dipole) : undefined,
    polarizability: numberAfter(log, /^\s*Mol\. α\(0\) \/au\s*:\s*(\S+)/mu),
    // The row of the table of thermodynamic functions: enthalpy, heat capacity, entropy in two units.
    heatCapacity: numberAfter(log, /^\s*TOT\s+\S+\s+(\S+)\s+\S+\s+\S+\s*$/m),
  });
}

function parseObject(json: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(json);
    return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function numbers(list: unknown): number[] {
  return Array.isArray(list) && list.every((value) => Number.isFinite(value)) ? (list as number[]) : [];
}

function numberAfter(log: string, pattern: RegExp): number | undefined {
  const found = pattern.exec(log)?.[1];
  return found === undefined ? undefined : Number(found);
}

function finite(values: Readonly<Record<XtbProperty, unknown>>): XtbProperties {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => Number.isFinite(value)));
}
