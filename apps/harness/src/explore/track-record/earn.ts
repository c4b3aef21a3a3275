/** Earns a row: looks for the failure, and goes through everything where it is mended. Or does again what is recorded. */
import { contenderOf, type Contender } from '../../strategies.ts';
import {
  exploreEventLoop,
  exploreShared,
  replayOne,
  type Replayed,
  type Row,
} from '../explore-one.ts';
import { situationOf } from '../situations.ts';
import type { Entry, Shown } from './entry.ts';
import { mutate } from './mutant.ts';

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
  const row = await explore(shown, await whoHasIt(shown), shown.scenario, shown.shape);
  const { schedule, steps, preemptions, isMinimal, counts } = row;
  if (schedule === null) {
    throw new NotEarned(
      `${entry.id}: expected '${shown.shape}', got ${row.verdict}, ${row.status}`,
    );
  }
  const { message, outline } = await again(entry, shown, schedule);
  return {
    schedule,
    steps: steps!,
    preemptions: preemptions!,
    isMinimal: isMinimal!,
    executions: counts.executions,
    ms: Math.round(counts.seconds * 1000),
    message,
    diagram: outline,
    without: await exploreWithout(entry, shown),
    apart: await exploreApart(entry, shown),
  };
}

/** Does it again. @throws NotEarned when anything differs */
export async function earnAgain(entry: Entry, shown: Shown, recorded: Earned): Promise<void> {
  const { schedule } = recorded;
  const { outline } = await again(entry, shown, schedule);
  if (outline !== recorded.diagram) {
    throw new NotEarned(`${entry.id}: ${schedule} leads to another diagram\n${outline}`);
  }
  const now = [await exploreWithout(entry, shown), await exploreApart(entry, shown)];
  const before = [recorded.without, recorded.apart];
  const [expected, got] = [before, now].map((each) => each.map((one) => one?.executions));
  if (String(got) === String(expected)) return;
  throw new NotEarned(
    `${entry.id}: expected ${expected} executions where it is mended, got ${got}`,
  );
}

async function whoHasIt({ strategy, mutant }: Shown): Promise<Contender> {
  return mutant === undefined ? contenderOf(strategy) : mutate(strategy, mutant);
}

/** Runs a schedule, and looks whether it leads to what the row is about. */
async function again({ id }: Entry, shown: Shown, schedule: string): Promise<Replayed> {
  const { scenario, mode = 'event-loop', shape, evidence = [] } = shown;
  const found = await replayOne(await whoHasIt(shown), situationOf(scenario, mode)!, schedule);
  if (found === undefined) throw new NotEarned(`${id}: ${schedule} leads to no failure`);
  if (found.shape !== shape)
    throw new NotEarned(`${id}: expected '${shape}', got '${found.shape}'`);
  for (const text of evidence) {
    if (found.diagram.includes(text)) continue;
    throw new NotEarned(`${id}: expected '${text}' in\n${found.diagram}`);
  }
  return found;
}

async function exploreWithout({ id }: Entry, shown: Shown): Promise<Complete | null> {
  const { without, scenario } = shown;
  if (typeof without === 'string') return null;
  return complete(
    id,
    await explore(shown, contenderOf(without.strategy), without.scenario ?? scenario),
  );
}

async function exploreApart({ id }: Entry, shown: Shown): Promise<Complete | null> {
  const { apart, scenario, shape } = shown;
  if (apart === undefined) return null;
  return complete(id, await explore(shown, contenderOf(apart), scenario, shape));
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
  contender: Contender,
  scenario: string,
  shape?: string,
): Promise<Row> {
  const situation = situationOf(scenario, mode);
  if (situation === undefined) throw new NotEarned(`expected a situation, got '${scenario}'`);
  if (situation.mode === 'shared-memory') {
    return exploreShared(contender, situation, { seconds: secondsMax });
  }
  const search = { seconds: secondsMax, ...(shape === undefined ? {} : { shape }) };
  return exploreEventLoop(contender, situation, search);
}
