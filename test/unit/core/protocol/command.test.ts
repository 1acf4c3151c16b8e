import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deadLetter, parseCommand } from '#core/protocol/command.ts';

const good = { type: 'message', team: 'T1', channel: 'C1', text: 'hello' };
const parse = (changes: object, base: object = good) => parseCommand(JSON.stringify({ ...base, ...changes }));
const problem = (changes: object): string => {
  const parsed = parse(changes);
  return 'failure' in parsed ? parsed.failure.message : '';
};

describe('a command', () => {
  it('has the fields of the example, and all others are optional', () => {
    expect(parse({})).toEqual({
      command: {
        id: undefined,
        team: 'T1',
        bot: undefined,
        channel: 'C1',
        text: 'hello',
        thread: undefined,
        blocks: undefined,
        via: 'api',
      },
    });
    const blocks = [{ type: 'divider' }];
    const all = { id: 'x 1', bot: 'bots/acme', thread: '1.2', blocks, via: 'api' };
    expect(parse(all)).toEqual({ command: { ...good, ...all, type: undefined } });
  });

  it("may use Slack's names of team and thread", () => {
    expect(parse({ team_id: 'T2', thread_ts: '1.2' }, { type: 'message', channel: 'C1', text: 'm' })).toMatchObject({
      command: { team: 'T2', thread: '1.2' },
    });
    expect(parse({ team_id: 'T1' })).toMatchObject({ command: { team: 'T1' } });
    expect(problem({ team_id: 'T2' })).toContain('team_id says something else than team');
  });

  it('needs no text if it has blocks, and takes null for what it has not', () => {
    expect(parse({ text: null, blocks: [{}], thread: null })).toMatchObject({
      command: { text: '', thread: undefined },
    });
    expect(problem({ text: '' })).toContain('text is missing: give text, or blocks');
    expect(problem({ text: null, blocks: [] })).toContain('text is missing');
  });

  it.each([
    [{ type: 'typing' }, 'type "typing" is refused: it must be "message"'],
    [{ type: null }, 'type is missing: set it to "message"'],
    [{ team: null }, 'team and bot are both missing'],
    [{ team: 'acme' }, 'team "acme" is refused'],
    [{ bot: 'acme' }, 'bot "acme" is refused: it must be "namespace/name"'],
    [{ channel: null }, 'channel is missing'],
    [{ channel: '#general' }, 'channel "#general" is refused: it must be Slack\'s id'],
    [{ text: 7 }, 'text 7 is refused: it must be a string'],
    [{ thread: 1.2 }, 'thread 1.2 is refused'],
    [{ blocks: {} }, 'blocks {} is refused: it must be an array'],
    [{ id: '' }, 'id "" is refused: it must be a string of 1 to 200 characters'],
    [{ id: 7 }, 'id 7 is refused'],
    [{ id: 'a\nb' }, 'is refused'],
    [{ via: 'pigeon' }, 'via "pigeon" is refused'],
    [{ username: 'me' }, '"username" is not a field of a command: remove it'],
    [{ via: 'rtm', blocks: [{}] }, "blocks can't be sent over RTM"],
    [{ via: 'rtm', text: 'x'.repeat(4_001) }, 'text has 4001 characters, and RTM takes 4000'],
  ])('%j is refused with field and remedy', (changes, words) => {
    expect(problem(changes)).toContain(words);
  });

  it('tells all its problems at once, and its id if that is good', () => {
    const parsed = parse({ id: 'mine', team: 'x', channel: 'y' });
    expect(parsed).toMatchObject({ id: 'mine', failure: { reason: 'Malformed' } });
    expect(problem({ team: 'x', channel: 'y' })).toMatch(/team "x".*channel "y"/);
  });

  it('never shows a token that stands in the wrong place', () => {
    expect(problem({ team: 'xoxb-123456-abcdef' })).not.toContain('123456');
  });

  it('is refused, and never throws, whatever it is', () => {
    const anything = fc.oneof(
      fc.string(),
      fc.json(),
      fc.object().map((value) => JSON.stringify({ ...good, ...value })),
    );
    fc.assert(
      fc.property(anything, (text) => {
        const parsed = parseCommand(text);
        if ('failure' in parsed) expect(parsed.failure).toMatchObject({ reason: 'Malformed' });
      }),
    );
  });
});

describe('a dead letter', () => {
  const about = { id: 'm', at: '2026-11-26T00:00:00.000Z' };
  const failure = { reason: 'NotServed', message: 'nobody' };

  it('has the command as the application wrote it', () => {
    const command = '{ "text": "1.0", "n": 1.0 }';
    const letter = deadLetter(failure, { ...about, command });
    expect(letter).toContain(command);
    expect(JSON.parse(letter)).toEqual({ ...about, ...failure, command: { text: '1.0', n: 1 } });
  });

  it('has what is no object as a text', () => {
    expect(JSON.parse(deadLetter(failure, { ...about, command: '[1' }))).toMatchObject({ command: '[1' });
  });
});
