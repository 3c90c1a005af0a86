// Which parts of a script the engine runs: V8 counts blocks of the JavaScript that PineTS makes of it.
// `begin()` before the script is made; `write(folder, script)` leaves one report at the end.

import fs from "node:fs";
import inspector from "node:inspector";
import path from "node:path";

const session = new inspector.Session();

function ask(method, options) {
  return new Promise((resolve, reject) => {
    session.post(method, options, (error, answer) => (error ? reject(error) : resolve(answer)));
  });
}

export async function begin() {
  session.connect();
  await ask("Debugger.enable");
  await ask("Profiler.enable");
  await ask("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
}

export async function write(folder, script) {
  const { result } = await ask("Profiler.takePreciseCoverage");
  for (const { scriptId, url, functions } of result) {
    if (url !== "") continue; // what was made while running has no address
    const { scriptSource } = await ask("Debugger.getScriptSource", { scriptId });
    if (!scriptSource.includes("__maxLoops")) continue; // the runtime's own
    const report = { script: path.basename(script), source: scriptSource, functions };
    fs.writeFileSync(path.join(folder, `${process.pid}-${scriptId}.json`), JSON.stringify(report));
  }
}
