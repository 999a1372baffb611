import { spawnSync } from "node:child_process";
import * as fileSystem from "node:fs/promises";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isErrorNamed } from "@diffusiongym/core";
import { FileStorage, train } from "@diffusiongym/methods";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CountingMethod } from "../loop/counting-method.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "diffusiongym-storage-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A file system whose disk is full: opening works, writing does not. */
const fullDisk = async (): Promise<typeof fileSystem> => ({
  ...fileSystem,
  open: async (...args: Parameters<typeof fileSystem.open>) => {
    const file = await fileSystem.open(...args);
    file.writeFile = async (data) => {
      await file.write((data as Uint8Array).subarray(0, 2));
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    };
    return file;
  },
});

describe("FileStorage", () => {
  it("makes its folder, replaces files as a whole and appends to them", async () => {
    const storage = new FileStorage(join(folder, "a", "b"));
    expect(await storage.read("x")).toBeUndefined();
    await storage.write("x", bytes("one"));
    await storage.write("x", bytes("two"));
    await storage.append("x", bytes("!"));
    expect(new TextDecoder().decode(await storage.read("x"))).toBe("two!");
    expect(await readdir(storage.location)).toEqual(["x"]);
  });

  it("keeps the old file and leaves no part behind when the disk is full, and says what to do", async () => {
    await new FileStorage(folder).write("x", bytes("old"));
    const error = await new FileStorage(folder, fullDisk).write("x", bytes("new and longer")).catch((e: unknown) => e);
    expect(isErrorNamed(error, "StorageError")).toBe(true);
    expect(error).toMatchObject({ code: "ENOSPC", path: `${folder}/x` });
    expect(String(error)).toContain("free some space");
    expect(await readFile(join(folder, "x"), "utf8")).toBe("old");
    expect(await readdir(folder)).toEqual(["x"]);
  });

  it("removes what a killed process has left of a file, at the first write, and nothing else", async () => {
    const script = `require("fs").writeFileSync(process.argv[1] + "." + process.pid + ".part", "half"); process.kill(process.pid, "SIGKILL")`;
    const killed = spawnSync(process.execPath, ["-e", script, join(folder, "x")]);
    expect(killed.signal).toBe("SIGKILL");
    const left = `x.${killed.pid}.part`;
    const others = [`x.${process.ppid}.part`, "notes.part", "x.part"].sort();
    await Promise.all(others.map((name) => writeFile(join(folder, name), "")));
    const storage = new FileStorage(folder);
    expect(await storage.read("x")).toBeUndefined();
    expect(await readdir(folder)).toContain(left);
    await storage.write("x", bytes("whole"));
    expect((await readdir(folder)).sort()).toEqual(["x", ...others].sort());
    expect(await readFile(join(folder, "x"), "utf8")).toBe("whole");
  });

  it("lets a run that met a full disk continue from its last checkpoint", async () => {
    await train(new CountingMethod(4), { storage: new FileStorage(folder) });
    const before = await readFile(join(folder, "checkpoint.safetensors"));
    const longer = new FileStorage(folder, fullDisk);
    const error = await train(new CountingMethod(4), { storage: longer, resume: "never" }).catch((e: unknown) => e);
    expect(isErrorNamed(error, "StorageError")).toBe(true);
    expect(await readFile(join(folder, "checkpoint.safetensors"))).toEqual(before);
  });

  it("explains a folder that cannot be made", async () => {
    await new FileStorage(folder).write("file", bytes("x"));
    const error = await new FileStorage(join(folder, "file")).write("x", bytes("y")).catch((e: unknown) => e);
    expect(isErrorNamed(error, "StorageError")).toBe(true);
    expect(String(error)).toContain("Check that the folder exists");
  });

  it.runIf(process.platform === "linux")(
    "gives up on a folder that takes no other, where Node's own mkdir never returns",
    async () => {
      const error = await new FileStorage("/proc/nope/deeper").write("x", bytes("y")).catch((e: unknown) => e);
      expect(isErrorNamed(error, "StorageError")).toBe(true);
      expect(error).toMatchObject({ code: "ENOENT" });
    },
  );

  it("makes a folder given with a slash at its end, and a relative one", async () => {
    await new FileStorage(`${join(folder, "c", "d")}/`).write("x", bytes("y"));
    expect(await readdir(join(folder, "c", "d"))).toEqual(["x"]);
    const before = process.cwd();
    process.chdir(folder);
    try {
      await new FileStorage("e/f").write("x", bytes("y"));
    } finally {
      process.chdir(before);
    }
    expect(await readdir(join(folder, "e", "f"))).toEqual(["x"]);
  });
});
