/** What the survivors may do when an agent has died. The dead is a second attachment that does nothing any more. */
import assert from 'node:assert/strict';
import { codeOf } from '@mmu-notifier/core';
import { declareDead, watchDeaths } from '@mmu-notifier/sync';
import { describe, expect, it } from 'vitest';
import { interval, type IntervalNotifier } from '../src/variants.ts';
import { Mm, mmAt, mutexAt } from '../src/layout.ts';

const range = { start: 0, end: 10 };
const elsewhere = { start: 20, end: 30 };

/** Two agents, of which `dies` declares the second one dead. */
function twoAgents(variant: string) {
  const memory = new SharedArrayBuffer(interval.byteLength(8, variant));
  const alive = interval.create({ memory, capacity: 8, variant });
  const other = interval.attach(memory);
  const { region } = alive.state;
  watchDeaths(region, { graceMs: 20 });
  const calls: number[] = [];
  for (const notifier of [alive, other]) {
    notifier.registerOps(0, { invalidate: (_, cookie) => void calls.push(cookie) });
  }
  const agent = other.state.region.agent;
  const dies = (): void => declareDead(region, agent);
  return { alive, other, region, calls, agent, dies };
}

function section(notifier: IntervalNotifier, over = range): void {
  notifier.invalidateRangeEndSync(notifier.invalidateRangeStartSync(over));
}

/** The code of what it throws, which must name the agent. */
function codeNaming(agent: number, act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    assert.match((error as Error).message, new RegExp(`agents? ${agent}\\b`));
    return codeOf(error);
  }
  return undefined;
}

describe.each(['landed', 'scoped'])('[K1] an agent of %s died', (variant) => {
  it('with a section open: who waits for it fails, everything else goes on', async () => {
    const { alive, other, calls, agent, dies } = twoAgents(variant);
    const hit = alive.subscribeSync(range, 0, { cookie: 1 });
    const untouched = alive.subscribeSync(elsewhere, 0, { cookie: 2 });
    const [before, seq] = [hit.readBeginSync(), untouched.readBeginSync()];
    other.invalidateRangeStartSync(range);
    dies();
    expect(codeNaming(agent, () => hit.readBeginSync())).toBe('MMN_AGENT_DIED');
    await expect(hit.readBegin()).rejects.toMatchObject({ code: 'MMN_AGENT_DIED' });
    expect(hit.publishSync(before, () => calls.push(99))).toBe(false);
    expect(untouched.publishSync(seq, () => calls.push(3))).toBe(true);
    section(alive);
    section(alive, elsewhere);
    expect(calls).toEqual([1, 3, 1, 2]);
  });

  it('in a callback: its subscription is poisoned, starts that hit it fail, and call the others', () => {
    const { alive, region, calls, agent, dies } = twoAgents(variant);
    const poisoned = alive.subscribeSync(range, 0, { cookie: 1 });
    const seq = poisoned.readBeginSync();
    alive.subscribeSync(range, 0, { cookie: 2 });
    region.words[mutexAt(poisoned.id)] = agent << 1;
    dies();
    expect(codeNaming(agent, () => section(alive))).toBe('MMN_AGENT_DIED');
    expect(calls).toEqual([2]);
    expect(codeNaming(agent, () => alive.tryInvalidateRangeStart(range))).toBe('MMN_AGENT_DIED');
    const publish = (): unknown => poisoned.publishSync(seq, () => calls.push(99));
    expect(codeNaming(agent, publish)).toBe('MMN_AGENT_DIED');
    section(alive, elsewhere);
    expect(calls).not.toContain(99);
    expect(region.words[mmAt + Mm.active]).toBe(0);
  });

  it('while it took a record: a release fails before it has begun, and keeps no lock', () => {
    const { alive, region, calls, agent, dies } = twoAgents(variant);
    alive.subscribeSync(range, 0, { cookie: 1 });
    region.words[mmAt + Mm.slab] = agent;
    dies();
    expect(codeNaming(agent, () => alive.releaseSync())).toBe('MMN_AGENT_DIED');
    const { lock, active, released } = Mm;
    expect([lock, active, released].map((word) => region.words[mmAt + word])).toEqual([0, 0, 0]);
    section(alive);
    expect(calls).toEqual([1]);
  });

  it('in a critical section: what needs its lock fails, and no section is left open', () => {
    const { alive, region, agent, dies } = twoAgents(variant);
    const subscription = alive.subscribeSync(range, 0);
    region.words[mmAt + Mm.lock] = agent;
    dies();
    for (let time = 0; time < 3; time++) {
      expect(codeNaming(agent, () => section(alive))).toBe('MMN_AGENT_DIED');
    }
    expect(codeNaming(agent, () => alive.subscribeSync(elsewhere, 0))).toBe('MMN_AGENT_DIED');
    expect(codeNaming(agent, () => subscription.closeSync())).toBe('MMN_AGENT_DIED');
    expect(codeNaming(agent, () => alive.releaseSync())).toBe('MMN_AGENT_DIED');
  });

  it('and a closing that failed because of it says so again', async () => {
    const { alive, region, agent, dies } = twoAgents(variant);
    const subscription = alive.subscribeSync(range, 0);
    region.words[mutexAt(subscription.id)] = agent << 1;
    dies();
    expect(codeNaming(agent, () => subscription.closeSync())).toBe('MMN_AGENT_DIED');
    await expect(subscription.close()).rejects.toMatchObject({ code: 'MMN_AGENT_DIED' });
  });
});

describe('[K1] an agent died in a critical section of landed', () => {
  it('reading and publishing go on: they do not need the lock', () => {
    const { alive, region, agent, dies } = twoAgents('landed');
    const subscription = alive.subscribeSync(range, 0);
    region.words[mmAt + Mm.lock] = agent;
    dies();
    expect(subscription.publishSync(subscription.readBeginSync(), () => {})).toBe(true);
  });
});
