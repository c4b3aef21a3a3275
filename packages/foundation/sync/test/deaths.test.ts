/** What is known of the dead, and how long one waits for the living. */
import { describe, expect, it } from 'vitest';
import { Patience, refuseDeadHolder } from '../src/deaths.ts';
import { deaths as deathsAt } from '../src/header.ts';
import {
  deadAgents,
  declareDead,
  hasDeaths,
  isDead,
  watchDeaths,
  type Region,
} from '../src/index.ts';
import { createRegion, memories } from './memories.ts';
import { thrownBy } from './thrown.ts';

const graceMs = 80;

function setUp() {
  const region = createRegion(memories[1]!);
  watchDeaths(region, { graceMs });
  let nowMs = 1000;
  const patience = new Patience(() => nowMs);
  /** The look of one wait that lasts; `afterMs` since its beginning. */
  const look = (afterMs: number, holder?: number): number => {
    nowMs = 1000 + afterMs;
    return patience.look(region, holder);
  };
  return { region, look };
}

/** The first look of a wait. */
function lookOf(region: Region): number {
  return new Patience(() => 0).look(region, undefined);
}

describe('how long one may sleep', () => {
  it('is without limit where nobody declares deaths', () => {
    expect(lookOf(createRegion(memories[1]!))).toBe(Infinity);
  });

  it.each([
    [undefined, 125],
    [1, 1],
    [8, 1],
    [9, 1.125],
    [2 ** 31 - 1, (2 ** 31 - 1) / 8],
  ])('is an eighth of a grace of %s ms, or one', (given, lookMs) => {
    const region = createRegion(memories[1]!);
    watchDeaths(region, given === undefined ? {} : { graceMs: given });
    expect(lookOf(region)).toBe(lookMs);
  });

  it('stays as it was when somebody else watches too', () => {
    const { region } = setUp();
    watchDeaths(region);
    expect(lookOf(region)).toBe(10);
  });
});

describe('who waits', () => {
  it('for a dead holder fails at once', () => {
    const { region, look } = setUp();
    expect(look(0, 7)).toBe(10);
    declareDead(region, 7);
    expect(thrownBy(() => look(0, 7))).toEqual({
      code: 'MMN_AGENT_DIED',
      message:
        'expected what is waited for to be given back, but agent 7, which holds it, has died',
    });
  });

  it('for a living holder waits on, whoever died', () => {
    const { region, look } = setUp();
    for (let agent = 1; agent <= 8; agent++) declareDead(region, agent);
    for (const afterMs of [0, graceMs, 1e9]) expect(look(afterMs, 9)).toBe(10);
  });

  it('for a holder that may be among the dead nobody knows fails after the grace', () => {
    const { region, look } = setUp();
    for (let agent = 1; agent <= 9; agent++) declareDead(region, agent);
    for (const afterMs of [0, graceMs - 1]) expect(look(afterMs, 10)).toBe(10);
    expect(thrownBy(() => look(graceMs, 10)).code).toBe('MMN_AGENT_DIED');
  });

  it('for nobody in particular fails when the grace since its first look after a death is over', () => {
    const { region, look } = setUp();
    expect(look(0)).toBe(10);
    expect(look(1e6)).toBe(10);
    declareDead(region, 7);
    expect(look(2e6)).toBe(10);
    expect(look(2e6 + graceMs - 1)).toBe(10);
    expect(thrownBy(() => look(2e6 + graceMs))).toEqual({
      code: 'MMN_AGENT_DIED',
      message: 'expected what is waited for within 80 ms, but agent 7 died here and may owe it',
    });
    declareDead(region, 8);
    expect(thrownBy(() => look(2e6 + graceMs)).message).toContain('but agents 7, 8 died here');
  });
});

describe('the dead', () => {
  it.each(memories)('of a region in $memory are those that were declared', (memory) => {
    const region = createRegion(memory);
    expect([hasDeaths(region), isDead(region, 1), deadAgents(region)]).toEqual([false, false, []]);
    declareDead(region, 1);
    expect([hasDeaths(region), isDead(region, 1), deadAgents(region)]).toEqual([true, true, [1]]);
    expect(isDead(region, 2)).toBe(false);
    refuseDeadHolder(region, 2, 'it');
    expect(thrownBy(() => refuseDeadHolder(region, 1, 'it')).code).toBe('MMN_AGENT_DIED');
  });

  it('are not 0, when one is being declared', () => {
    const region = createRegion(memories[1]!);
    region.add(deathsAt, 1); // its number comes next
    expect(deadAgents(region)).toEqual([]);
    expect(isDead(region, 0)).toBe(false);
    refuseDeadHolder(region, 0, 'what nobody holds');
  });

  it('leave the words behind the header alone, however many there are', () => {
    const region = createRegion(memories[1]!);
    const before = region.words.slice(32);
    for (let agent = 1; agent < 20; agent++) declareDead(region, agent);
    expect(region.words.slice(32)).toEqual(before);
  });
});
