/** To be imported before all else, by `--import`: makes the change of the process's patch when its file is loaded. */
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { patchedFile, patchVariable, root, type Patch } from './patch.ts';

const text = process.env[patchVariable];
if (text !== undefined && text !== '') {
  const patch = JSON.parse(text) as Patch;
  const mutated = pathToFileURL(join(root, patch.file)).href;
  registerHooks({
    load(url, context, nextLoad) {
      if (url !== mutated) return nextLoad(url, context);
      return { format: 'module-typescript', source: patchedFile(patch), shortCircuit: true };
    },
  });
}
