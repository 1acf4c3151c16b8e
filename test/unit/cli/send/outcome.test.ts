import { describe, expect, it } from 'vitest';
import { isFinal, outcomeOf, readResult } from '#cli/send/outcome.ts';

const at = '2026-11-26T04:00:00.000Z';
const asked = { id: 'mine', commands: 'relax:commands', wait: 30 };
const sent = { state: 'sent', at, channel: 'C1', ts: '1.2', bot: 'bots/acme' } as const;
const failed = { state: 'failed', at, reason: 'SlackRefused', error: 'is_archived', message: 'Pick another.' } as const;

describe('what relax send says', () => {
  it('of a message that was sent: where, as whom, its timestamp', () => {
    expect(outcomeOf(sent, asked)).toEqual({ exitCode: 0, words: 'sent to C1 as bots/acme: ts 1.2, id mine' });
  });

  it('of one that was not sent: why, and the remedy', () => {
    expect(outcomeOf(failed, asked)).toEqual({
      exitCode: 3,
      words: 'not sent (SlackRefused): Pick another. id mine',
    });
  });

  it('of one that still waits: for what, if it has been tried', () => {
    expect(outcomeOf({ state: 'queued', at }, asked)).toEqual({
      exitCode: 4,
      words: 'still waits after 30 s, id mine',
    });
    expect(outcomeOf({ state: 'queued', at, message: 'Slack fails.' }, asked).words).toContain(': Slack fails.');
  });

  it('of one that no connector took: what to look at', () => {
    const { exitCode, words } = outcomeOf(undefined, asked);
    expect(exitCode).toBe(4);
    expect(words).toContain('RELAX_COMMANDS=relax:commands');
  });

  it('of one that it was not to wait for: its id', () => {
    expect(outcomeOf(undefined, { ...asked, wait: 0 })).toEqual({ exitCode: 0, words: 'pushed as mine' });
  });
});

describe('a result', () => {
  it.each([[null], [''], ['null'], ['{"state":"moved"}'], ['{"state":"sent"}']])('%j is none', (json) => {
    expect(readResult(json)).toBeUndefined();
    expect(isFinal(readResult(json))).toBe(false);
  });

  it('is final once it was sent or has failed', () => {
    expect([sent, failed, { state: 'queued', at }].map((one) => isFinal(readResult(JSON.stringify(one))))).toEqual([
      true,
      true,
      false,
    ]);
  });
});
