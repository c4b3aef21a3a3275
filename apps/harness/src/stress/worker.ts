/** The module of an agent: runs round after round, as it is told. */
import { joinAgents } from '@mmu-notifier/sync/agents';
import { contenderOf } from '../strategies.ts';
import { StressAgent, type Round } from './agent.ts';
import { Board } from './board.ts';

const self = await joinAgents<undefined>();
self.onMessage((message) => {
  const round = message as Round;
  const { strategy } = contenderOf(round.strategy);
  const board = Board.attach(round.board);
  self.post(new StressAgent(round, strategy.attach(round.notifier), board).run());
});
