import { beforeEach, describe, expect, it } from 'vitest';
import type { Addressee } from '#connector/outbound/addressee.ts';
import type { Sender } from '#connector/outbound/sender.ts';
import { ServedBots } from '#connector/outbound/senders.ts';

const senderOf = (changes: Partial<Sender> = {}): Sender => ({
  ownerUid: 'uid-1',
  bot: 'bots/acme',
  teamID: 'T1',
  generation: 1,
  token: 'xoxb-1-abc',
  credentialsDigest: 'd1',
  speaksRtm: true,
  overRtm: undefined,
  ...changes,
});
const addresseeOf = (changes: Partial<Sender> = {}): Addressee => {
  const { ownerUid, bot, teamID } = senderOf(changes);
  return { ownerUid, bot, teamID, sender: () => senderOf(changes) };
};
const overRtm = async () => ({ kind: 'sent' as const, ts: '1.0' });

let slots: Addressee[];
let routes: Addressee[];
let served: ServedBots;
let changes: number;
beforeEach(() => {
  [slots, routes, changes] = [[], [], 0];
  served = new ServedBots([() => slots, () => routes]);
  served.onChange(() => {
    changes += 1;
  });
});
const serve = (...addressees: Addressee[]): void => {
  slots = addressees;
  served.look();
};

describe('the bots that a process serves', () => {
  it('are found by their team and by their name, in slots and in route tables', () => {
    routes = [addresseeOf({ ownerUid: 'uid-2', bot: 'bots/shop', teamID: 'T2' })];
    serve(addresseeOf());
    expect(served.ofTeam('T1')).toEqual([senderOf()]);
    expect(served.ofTeam('T2')).toMatchObject([{ bot: 'bots/shop' }]);
    expect(served.ofBot('bots/shop')).toMatchObject({ teamID: 'T2' });
    expect(served.ofTeam('T3')).toEqual([]);
    expect(served.ofBot('bots/nobody')).toBeUndefined();
  });

  it('are there once, however many sockets they have: with a live RTM websocket if there is one', () => {
    serve(addresseeOf(), addresseeOf({ overRtm }), addresseeOf());
    expect(served.ofTeam('T1')).toEqual([senderOf({ overRtm })]);
    expect(served.ofBot('bots/acme')).toEqual(senderOf({ overRtm }));
  });

  it('are there by their newest spec', () => {
    serve(addresseeOf({ generation: 2, token: 'xoxb-1-new' }), addresseeOf({ overRtm }));
    expect(served.ofTeam('T1')).toMatchObject([{ generation: 2, token: 'xoxb-1-new' }]);
  });

  it('may be two of one team, while one takes over from the other', () => {
    serve(addresseeOf(), addresseeOf({ ownerUid: 'uid-2' }));
    expect(served.ofTeam('T1')).toMatchObject([{ ownerUid: 'uid-1' }, { ownerUid: 'uid-2' }]);
    expect(served.ofBot('bots/acme')).toMatchObject({ ownerUid: 'uid-2' });
  });

  it('are no senders while it is not known who their token is of', () => {
    serve({ ...addresseeOf(), sender: () => undefined });
    expect([served.ofTeam('T1'), served.ofBot('bots/acme')]).toEqual([[], undefined]);
  });
});

describe('a change', () => {
  it('of who is served is told', () => {
    serve(addresseeOf());
    expect(changes).toBe(1);
    serve(addresseeOf(), addresseeOf({ ownerUid: 'uid-2', bot: 'bots/shop' }));
    expect(changes).toBe(2);
    serve(addresseeOf({ teamID: 'T7' }), addresseeOf({ ownerUid: 'uid-2', bot: 'bots/shop' }));
    expect(changes).toBe(3);
  });

  it('of a token alone is not, and a look that finds nothing new is not', () => {
    serve(addresseeOf());
    serve(addresseeOf({ token: 'xoxb-1-new', credentialsDigest: 'd2' }));
    expect(changes).toBe(1);
    expect(served.ofTeam('T1')).toMatchObject([{ token: 'xoxb-1-new' }]);
  });

  it('is not told to one who has left', () => {
    let told = 0;
    const leave = served.onChange(() => {
      told += 1;
    });
    leave();
    serve(addresseeOf());
    expect(told).toBe(0);
  });
});
