import { expect, it } from 'vitest';
import { normalize } from '#connector/event/normalize.ts';
import { eventsApiPayloads, rtmFrames } from '#test/support/corpus.ts';
import { filled } from './filled.ts';
import PINNED from './rtm-ids.json' with { type: 'json' };
import { RECEIVED_AT_MS, sourceOf } from './source.ts';

type Frame = Record<string, unknown>;

/** By sample, what identifies it over RTM. */
function rtmIDs(): Record<string, string> {
  const samples = [
    ...rtmFrames().map(({ name, frame }): [string, unknown] => [name, frame]),
    ...eventsApiPayloads().map(({ name, payload }): [string, unknown] => [name, payload.event]),
  ];
  return Object.fromEntries(
    samples.flatMap(([name, frame]) => {
      const event = filled(frame) as Frame;
      const events = { include: [String(event.type)], exclude: [], own: true };
      const result = normalize(event, sourceOf({ events }), RECEIVED_AT_MS);
      return result.kind === 'event' ? [[name, `${result.item.id} ${JSON.stringify(result.mark)}`]] : [];
    }),
  );
}

it('the identities of RTM are those of every earlier version: another one would queue an event twice during an upgrade', () => {
  expect(rtmIDs()).toEqual(PINNED);
});
