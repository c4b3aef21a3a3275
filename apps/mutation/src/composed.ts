/** Strategies that can stand beside another subscriber of the address space, with one that refuses. */
import type { JudgeOptions } from '@mmu-notifier/conformance';
import type { Strategy } from '@mmu-notifier/core';
import { hlistSrcu, type HlistNotifier } from '@mmu-notifier/hlist-srcu';
import type { IntervalNotifier, IntervalStrategy } from '@mmu-notifier/interval/variants';

type Composed = NonNullable<JudgeOptions['composed']>;

/** How to make one, if the strategy can. */
export function composedOf(strategy: Strategy, variant: string | undefined): Composed | undefined {
  if (strategy.name === 'reference' || variant === 'local') return undefined;
  const chosen = variant === undefined ? {} : { variant };
  return async () => {
    let refuses = false;
    const notifier =
      strategy.name === 'interval'
        ? (strategy as IntervalStrategy).create({ ...chosen, legacy: hlistSrcu })
        : strategy.create(chosen);
    const { legacy, list, register } = notifier as Partial<
      Pick<IntervalNotifier, 'legacy'> & { list: HlistNotifier } & HlistNotifier
    >;
    const others = (legacy ?? list ?? (register ? notifier : undefined)) as HlistNotifier;
    await others.register({ invalidateRangeStart: ({ blockable }) => blockable || !refuses });
    return { notifier, refuse: (isOn) => void (refuses = isOn) };
  };
}
