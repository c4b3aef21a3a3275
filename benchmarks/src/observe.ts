/**
 * The process of one observation: `observe.ts SECTION INPUT CONTENDER` prints the Observation as one line of JSON.
 *
 * It imports its own section only: with all of them a process would take three times as long until something is measured.
 */
import { measureContention } from './contention.ts';
import type { Observation } from './method.ts';
import type { Json, Section } from './section.ts';

const [name, input = 'null', contender = ''] = process.argv.slice(2);
const module = (await import(`./sections/${name}.ts`)) as Record<string, Section>;
const section = Object.values(module).find((section) => section.name === name);
if (section === undefined) throw new Error(`no section ${name}`);
const before = measureContention();
const observed = await section.observe(JSON.parse(input) as Json, contender);
const contention = observed.contention ?? Math.min(before, measureContention());
const observation: Observation = { ...observed, contention };
process.stdout.write(`${JSON.stringify(observation)}\n`);
