import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { importRdkit, type RdkitFactory, RdkitHost } from "../../src/rdkit/index.js";

/** A host whose WebAssembly memory can be looked at: it grows when something is not deleted, and never shrinks. */
export async function watchedHost(): Promise<{ readonly host: RdkitHost; readonly bytes: () => number }> {
  const factory = await importRdkit("Tests");
  const wasm = new Uint8Array(
    await readFile(createRequire(import.meta.url).resolve("@rdkit/rdkit/RDKit_minimal.wasm")),
  );
  let memory: WebAssembly.Memory | undefined;
  const watched: RdkitFactory = (settings) =>
    factory({
      ...settings,
      instantiateWasm: (
        imports: WebAssembly.Imports,
        receive: (instance: WebAssembly.Instance, module: WebAssembly.Module) => void,
      ) => {
        void WebAssembly.compile(wasm).then(async (module) => {
          const instance = await WebAssembly.instantiate(module, imports);
          memory = Object.values(instance.exports).find((one) => one instanceof WebAssembly.Memory);
          receive(instance, module);
        });
        return {};
      },
    });
  const host = await RdkitHost.start(watched);
  return { host, bytes: () => memory!.buffer.byteLength };
}
