import { describe, expect, it } from 'vitest';
import { type Answer, parseAnswer, refusalOf, type Standing, sizeRefusal } from '#connector/reply/answer.ts';

describe('what an application pushes', () => {
  it.each<[string, string, Answer]>([
    ['is an id and a payload', '{"id":"e1","payload":{"text":"hi"}}', answer('e1', '{"text":"hi"}')],
    ['may be an id only', '{"id":"e1"}', answer('e1', undefined)],
    ['may say that there is no payload', '{"id":"e1","payload":null}', answer('e1', undefined)],
    ['may have an empty payload', '{"id":"e1","payload":{}}', answer('e1', '{}')],
    ['may have fields that we do not know', '{"id":"e1","payload":{},"by":"worker-3"}', answer('e1', '{}')],
    ['may have any payload that is JSON', '{"id":"e1","payload":"fine"}', answer('e1', '"fine"')],
    ['is no answer without JSON', 'ok', { kind: 'malformed', problem: 'not JSON' }],
    [
      'is no answer if it is nested too deeply',
      `{"id":"e1","payload":${'['.repeat(50_000)}${']'.repeat(50_000)}}`,
      { kind: 'malformed', problem: 'nested too deeply' },
    ],
    ['is no answer without an id', '{"payload":{}}', noAnswer()],
    ['is no answer with an empty id', '{"id":"","payload":{}}', noAnswer()],
    ['is no answer with a number for an id', '{"id":7,"payload":{}}', noAnswer()],
    ['is no answer with an endless id', JSON.stringify({ id: 'e'.repeat(201) }), noAnswer()],
    ['is no answer if it is a list', '[]', noAnswer()],
  ])('%s', (_name, text, expected) => {
    expect(parseAnswer(text)).toEqual(expected);
  });

  it('that can not fit is not parsed, but still told whose it is', () => {
    const text = 'x'.repeat(200_000);
    const length = text.length + '{"id":"e1","payload":""}'.length;
    const tooLarge = { kind: 'tooLarge', id: 'e1', length };
    expect(parseAnswer(`{"id":"e1","payload":"${text}"}`)).toEqual(tooLarge);
    expect(parseAnswer(`{"payload":"${text}","id":"e1"}`)).toEqual(tooLarge);
    expect(parseAnswer(text)).toEqual({ kind: 'tooLarge', id: undefined, length: 200_000 });
  });

  it('that fits, however it is escaped, is parsed', () => {
    const payload = `"${'\\u0041'.repeat(19_000)}"`;
    expect(parseAnswer(`{"id":"e1","payload":${payload}}`)).toEqual(answer('e1', `"${'A'.repeat(19_000)}"`));
  });

  it('is refused from 20,000 bytes of acknowledgement on', () => {
    expect(sizeRefusal(19_999)).toBeUndefined();
    expect(sizeRefusal(20_000)).toEqual({ outcome: 'refused', reason: expect.stringContaining('20000 bytes') });
  });

  it.each<[Standing, string, RegExp]>([
    ['timeout', 'late', /after reply\.before.*response_url/],
    ['overdue', 'late', /after reply\.before/],
    ['not_queued', 'late', /at once/],
    ['unacknowledged', 'late', /websocket .* has ended/],
    ['left', 'late', /connector .* has ended/],
    ['answered', 'refused', /one answer/],
    ['takesNone', 'refused', /takes no answer/],
    ['unknown', 'unknown', /reply\.id.*reply\.to/],
  ])('to an envelope that is %s is told why it goes nowhere', (standing, outcome, reason) => {
    expect(refusalOf(standing)).toEqual({ outcome, reason: expect.stringMatching(reason) });
  });
});

function answer(id: string, payload: string | undefined): Answer {
  return { kind: 'answer', id, payload };
}

function noAnswer(): Answer {
  return { kind: 'malformed', problem: expect.stringContaining('string id') };
}
