import type { Section } from '../section.ts';
import { crossoverSection } from './crossover.ts';
import { hotPathSection } from './hot-path.ts';
import { macroSection } from './macro.ts';
import { notifierSection } from './notifier.ts';
import { treeSection } from './tree.ts';
import { wasmSection } from './wasm.ts';

/** In the order in which they run. */
export const SECTIONS: readonly Section[] = [
  treeSection,
  notifierSection,
  hotPathSection,
  crossoverSection,
  macroSection,
  wasmSection,
];
