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

/** What a first look has: not the numbers behind one decision in docs/design.md. */
export const SHORT_SECTIONS: readonly Section[] = SECTIONS.filter(
  (section) => section !== wasmSection,
);
