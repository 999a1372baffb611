import { spawnSync } from "node:child_process";

/**
 * Finds a Python with the modules asked for: the one named by DIFFUSIONGYM_PYTHON, else `python3` on the PATH.
 *
 * @param {readonly string[]} [modules]
 * @returns {{ path: string } | string} a sentence says what is missing
 */
export function findPython(modules = ["torch"]) {
  const named = process.env.DIFFUSIONGYM_PYTHON;
  const path = named || "python3";
  const check = `import importlib.util as u; print(*[m for m in ${JSON.stringify(modules)} if u.find_spec(m) is None])`;
  const { status, stdout } = spawnSync(path, ["-c", check], { encoding: "utf8" });
  const hint = "Set DIFFUSIONGYM_PYTHON to a Python with these from PyPI";
  if (status !== 0) {
    return named
      ? `DIFFUSIONGYM_PYTHON (${named}) does not start.`
      : `There is no python3 on the PATH. ${hint}: ${modules.join(", ")}.`;
  }
  const missing = stdout.trim();
  return missing === "" ? { path } : `${path} lacks ${missing.split(" ").join(", ")}. ${hint}: ${modules.join(", ")}.`;
}
