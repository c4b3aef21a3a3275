/** The command line. `npm run compare`, or `npm run harness -- COMMAND`. */
import { Command, CommanderError } from 'commander';
import { compareCommand } from './compare-command.ts';
import { exitCodes, isUsers } from './errors.ts';
import { exploreCommand } from './explore/explore-command.ts';
import { importCommand } from './import-command.ts';
import { listCommand } from './list-command.ts';
import { stressCommand } from './stress/stress-command.ts';

const program = new Command('mmu-notifier')
  .description('Compares mmu notifiers on recordings of real programs.')
  .configureHelp({ helpWidth: 100, showGlobalOptions: true })
  .addCommand(compareCommand)
  .addCommand(exploreCommand)
  .addCommand(stressCommand)
  .addCommand(listCommand)
  .addCommand(importCommand);

for (const command of [program, ...program.commands]) {
  command.exitOverride().showHelpAfterError('(--help says what there is)');
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // commander has printed its message or the help already
    process.exitCode = error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  } else if (isUsers(error)) {
    console.error(`error: ${error.message}`);
    process.exitCode = exitCodes.usage;
  } else {
    throw error;
  }
}
