/** What is needed of a file system. */
type Folder = Pick<typeof import("node:fs/promises"), "readdir" | "rm">;

/** Name of the file that a process writes before it takes the place of another: no two processes share one. */
export function partName(path: string): string {
  return `${path}.${process.pid}.part`;
}

/**
 * Removes the parts that processes left which were killed while they wrote. Those of processes that live are left alone, and what
 * cannot be listed or removed is no reason to fail.
 */
export async function removeAbandonedParts({ readdir, rm }: Folder, folder: string): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  const abandoned = names.filter((name) => {
    const writer = /\.(\d+)\.part$/.exec(name)?.[1];
    return writer !== undefined && !isAlive(Number(writer));
  });
  await Promise.all(abandoned.map((name) => rm(`${folder}/${name}`, { force: true }).catch(() => undefined)));
}

function isAlive(writer: number): boolean {
  try {
    // Sends nothing.
    process.kill(writer, 0);
    return true;
  } catch (error) {
    return (error as { code?: string }).code !== "ESRCH";
  }
}
