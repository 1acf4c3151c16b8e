import { ConfigError } from '../../core/config/config-input.ts';
import { parseCommand } from '../../core/protocol/command.ts';
import type { SendOptions } from './options.ts';

/**
 * The command that an application would push.
 * @param fallbackID for one without a name: its result can be asked for by it
 * @throws ConfigError where connectors would refuse it
 */
export function commandText(options: SendOptions, fallbackID: string): { id: string; text: string } {
  const { team, bot, channel, text, blocks, thread, via, id = fallbackID } = options;
  const command = JSON.stringify({
    type: 'message',
    id,
    team,
    bot,
    channel,
    text,
    blocks: parsed(blocks),
    thread,
    via,
  });
  const read = parseCommand(command);
  if ('failure' in read) throw new ConfigError('send', [read.failure.message]);
  return { id, text: command };
}

/** What isn't JSON is refused with everything else, as no array of blocks. */
function parsed(blocks: string | undefined): unknown {
  if (blocks === undefined) return undefined;
  try {
    return JSON.parse(blocks);
  } catch {
    return blocks;
  }
}
