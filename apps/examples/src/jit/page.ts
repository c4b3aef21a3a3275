import { show } from '../show.ts';
import { interpret, runCompiled } from './run.ts';

const expected = String(await interpret());
document.querySelector('#expected')!.textContent = expected;
for (const id of ['naive', 'guarded']) {
  show(id, String(await runCompiled(id === 'guarded')), expected);
}
