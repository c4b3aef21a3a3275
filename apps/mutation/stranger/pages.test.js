import { describe, it } from 'node:test';
import { conformance } from '@mmu-notifier/conformance';
import { pages } from './pages.js';

const because = 'it knows nothing of the debug mode of sync';
conformance({ describe, it, strategy: pages, knownGaps: [{ key: 'N1.told', because }] });
