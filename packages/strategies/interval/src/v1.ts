/** The variant `v1`: the patch as first posted, with its defects. What it does otherwise is marked `isV1` where it does it. */
import { frozen, landedTraits } from './traits.ts';
import { landed, type Variant } from './variant.ts';

/** See the file's head. */
export const v1: Variant = {
  ...landed,
  traits: frozen({
    ...landedTraits,
    variant: 'v1',
    summary: 'the patch as first posted on 15 October 2019',
    correct: false,
    knownRaces: [
      {
        id: 'U-1',
        what: 'a release is invisible to readers: a fault that began before it still publishes',
      },
      {
        id: 'U-3',
        what: 'with a legacy subscriber, each subscription is told twice of the release',
      },
      { id: 'U-4', what: 'a subscription made after the release is accepted' },
      {
        id: 'U-5',
        what: 'close returns while the last end still walks the record on its deferred list',
      },
      {
        id: 'U-7',
        what: 'a start that the legacy list refuses leaves the tree’s section open for ever',
      },
      {
        id: 'U-8',
        what: 'closing a subscription whose insert failed drops a reference that it never took',
      },
    ],
  }),
};
