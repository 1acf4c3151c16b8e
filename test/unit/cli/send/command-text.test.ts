import { describe, expect, it } from 'vitest';
import { commandText } from '#cli/send/command-text.ts';
import type { SendOptions } from '#cli/send/options.ts';

const options = (changes: Partial<SendOptions> = {}): SendOptions => ({
  team: 'T1',
  channel: 'C1',
  text: 'hello',
  wait: 30,
  json: false,
  ...changes,
});

describe('the command of relax send', () => {
  it('is what an application would push, with a name so that its result can be read', () => {
    const { id, text } = commandText(options(), 'made-up');
    expect(id).toBe('made-up');
    expect(JSON.parse(text)).toEqual({ type: 'message', id, team: 'T1', channel: 'C1', text: 'hello' });
  });

  it('has every field that was given', () => {
    const given = {
      bot: 'bots/acme',
      blocks: '[{"type":"divider"}]',
      thread: '1700000000.000001',
      via: 'api',
      id: 'mine',
    };
    const { id, text } = commandText(options(given), 'made-up');
    expect(id).toBe('mine');
    expect(JSON.parse(text)).toMatchObject({ ...given, blocks: [{ type: 'divider' }] });
  });

  it.each([
    [{ team: undefined }, 'team and bot are both missing'],
    [{ channel: 'general' }, 'channel "general" is refused'],
    [{ text: undefined }, 'text is missing'],
    [{ blocks: 'none' }, 'blocks "none" is refused'],
    [{ via: 'rtm', blocks: '[{"type":"divider"}]' }, "blocks can't be sent over RTM"],
  ])('is refused before it is pushed where a connector would refuse it: %o', (changes, words) => {
    expect(() => commandText({ ...options(), ...changes } as SendOptions, 'made-up')).toThrow(words);
  });
});
