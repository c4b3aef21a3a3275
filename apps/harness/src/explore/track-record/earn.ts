/** Earns a row: looks for the failure, and goes through everything where it is mended. Or does again what is recorded. */
import { contenderOf } from '../../strategies.ts';
import { exploreEventLoop, exploreShared, replayOne, type Row } from '../explore-one.ts';
import { situationOf } from '../situations.ts';
import type { Entry, Shown } from './entry.ts';

/** What is kept of a row. Times are as they were on the machine that recorded it; the rest comes out the same anywhere. */
export interface Earned {
  readonly schedule: string;
  readonly steps: number;
  readonly preemptions: number;
  readonly isMinimal: boolean;
  readonly executions: number;
  readonly ms: number;
  readonly message: string;
  readonly diagram: string;
  readonly without: Complete | null;
  /** Of the variant that is told apart from it. */
  readonly apart: Complete | null;
}

/** A search through everything. */
interface Complete {
  readonly executions: number;
  readonly ms: number;
}

/** A row that did not come out as it should. */
export class NotEarned extends Error {
  override readonly name = 'NotEarned';
}

const secondsMax = 60;

/** Looks for it. @throws NotEarned */
export async function earn(entry: Entry, shown: Shown): Promise<Earned> {
  const row = await explore(shown, shown.strategy, shown.scenario, shown.shape);
  const { schedule, steps, preemptions, isMinimal, message, diagram, counts } = row;
  if (schedule === null || diagram === null) {
    throw new NotEarned(
      `${entry.id}: expected '${shown.shape}', got ${row.verdict}, ${row.status}`,
    );
  }
  checkShown(entry, shown, row.shape ?? row.verdict, diagram);
  return {
    schedule,
    steps: steps!,
    preemptions: preemptions!,
    isMinimal: isMinimal!,
    executions: counts.executions,
    ms: Math.round(counts.seconds * 1000),
    message: message!,
    diagram: withoutLines(diagram),
    without: await exploreWithout(entry, shown),
    apart: await exploreApart(entry, shown),
  };
}

/** Does it again. @throws NotEarned when anything differs */
export async function earnAgain(entry: Entry, shown: Shown, recorded: Earned): Promise<void> {
  const { schedule } = recorded;
  const situation = situationOf(shown.scenario, shown.mode ?? 'event-loop')!;
  const found = await replayOne(contenderOf(shown.strategy), situation, schedule);
  if (found === undefined) throw new NotEarned(`${entry.id}: ${schedule} leads to no failure`);
  checkShown(entry, shown, found.shape, found.diagram);
  if (withoutLines(found.diagram) !== recorded.diagram) {
    throw new NotEarned(`${entry.id}: ${schedule} leads to another diagram\n${found.diagram}`);
  }
  const again = [await exploreWithout(entry, shown), await exploreApart(entry, shown)];
  const before = [recorded.without, recorded.apart];
  const [expected, got] = [before, again].map((each) => each.map((one) => one?.executions));
  if (String(got) === String(expected)) return;
  throw new NotEarned(
    `${entry.id}: expected ${expected} executions where it is mended, got ${got}`,
  );
}

function checkShown(
  { id }: Entry,
  { shape, evidence = [] }: Shown,
  found: string,
  diagram: string,
): void {
  if (found !== shape) throw new NotEarned(`${id}: expected '${shape}', got '${found}'`);
  for (const text of evidence) {
    if (!diagram.includes(text)) throw new NotEarned(`${id}: expected '${text}' in\n${diagram}`);
  }
}

async function exploreWithout({ id }: Entry, shown: Shown): Promise<Complete | null> {
  const { without, scenario } = shown;
  if (typeof without === 'string') return null;
  return complete(id, await explore(shown, without.strategy, without.scenario ?? scenario));
}

async function exploreApart({ id }: Entry, shown: Shown): Promise<Complete | null> {
  const { apart, scenario, shape } = shown;
  if (apart === undefined) return null;
  return complete(id, await explore(shown, apart, scenario, shape));
}

function complete(id: string, row: Row): Complete {
  const { strategy, verdict, status, counts } = row;
  if (verdict === 'ok' && status === 'complete') {
    return { executions: counts.executions, ms: Math.round(counts.seconds * 1000) };
  }
  const what = row.shape ?? verdict;
  throw new NotEarned(
    `${id}: expected ${strategy} to be complete, got ${what}, ${status}\n${row.diagram ?? ''}`,
  );
}

async function explore(
  { mode = 'event-loop' }: Shown,
  strategy: string,
  scenario: string,
  shape?: string,
): Promise<Row> {
  const situation = situationOf(scenario, mode);
  if (situation === undefined) throw new NotEarned(`expected a situation, got '${scenario}'`);
  const contender = contenderOf(strategy);
  if (situation.mode === 'shared-memory') {
    return exploreShared(contender, situation, { seconds: secondsMax });
  }
  const search = { seconds: secondsMax, ...(shape === undefined ? {} : { shape }) };
  return exploreEventLoop(contender, situation, search);
}

/** Line numbers change with every edit, and would make each a change of the record. */
function withoutLines(diagram: string): string {
  return diagram.replaceAll(/(\.ts):\d+/g, '$1');
}
