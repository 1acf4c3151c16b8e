import { z } from 'zod';
import type { CommandResult } from '../../core/protocol/command.ts';

const failure = { reason: z.string(), error: z.string().optional(), message: z.string() };
const resultSchema = z.discriminatedUnion('state', [
  z.object({
    state: z.literal('queued'),
    at: z.string(),
    reason: z.string().optional(),
    error: z.string().optional(),
    message: z.string().optional(),
  }),
  z.object({ state: z.literal('sent'), at: z.string(), channel: z.string(), ts: z.string(), bot: z.string() }),
  z.object({ state: z.literal('failed'), at: z.string(), ...failure }),
]);
type ReadResult = z.infer<typeof resultSchema>;

/** @returns undefined while there is none, or none that this version knows */
export function readResult(json: string | null): ReadResult | undefined {
  if (json === null) return undefined;
  try {
    return resultSchema.safeParse(JSON.parse(json)).data;
  } catch {
    return undefined;
  }
}

export const isFinal = (result: { state: CommandResult['state'] } | undefined): boolean =>
  result !== undefined && result.state !== 'queued';

/** What `relax send` prints and ends with. @param result as it was last; undefined: there was none */
export function outcomeOf(
  result: ReadResult | undefined,
  { id, commands, wait }: { id: string; commands: string; wait: number },
): { exitCode: number; words: string } {
  if (wait === 0) return { exitCode: 0, words: `pushed as ${id}` };
  if (result === undefined) {
    const remedy = `see whether a connector with RELAX_COMMANDS=${commands} runs on this Redis`;
    return { exitCode: 4, words: `pushed as ${id}, and not taken by a connector within ${wait} s: ${remedy}` };
  }
  switch (result.state) {
    case 'sent':
      return { exitCode: 0, words: `sent to ${result.channel} as ${result.bot}: ts ${result.ts}, id ${id}` };
    case 'failed':
      return { exitCode: 3, words: `not sent (${result.reason}): ${result.message} id ${id}` };
    case 'queued': {
      const why = result.message === undefined ? '' : `: ${result.message}`;
      return { exitCode: 4, words: `still waits after ${wait} s, id ${id}${why}` };
    }
    default:
      return result satisfies never;
  }
}
