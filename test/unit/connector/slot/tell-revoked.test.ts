import { expect, it } from 'vitest';
import type { RefusedOwner } from '#connector/credentials/token-refusals.ts';
import type { Normalized } from '#connector/event/normalize.ts';
import type { RevokedBot } from '#connector/event/revocation.ts';
import { tellRevoked } from '#connector/slot/tell-revoked.ts';

const REFUSAL = { reason: 'AppUninstalled', error: 'app_uninstalled', message: 'Install it again.' } as const;
const revoked = (ownerUid: string, tokenDigest: string): RevokedBot => ({
  bot: {
    cluster: 'c1',
    ownerUid,
    bot: `bots/${ownerUid}`,
    generation: 3,
    teamID: 'T1',
    queueNamespace: '',
    events: { include: [], exclude: [], own: false },
    tokenDigest,
  },
  refusal: REFUSAL,
});

/** What a socket of owner `own`, opened with token `d1`, tells of these. */
function told(...bots: RevokedBot[]) {
  const refused: string[] = [];
  const offered: string[] = [];
  const own = tellRevoked(
    bots,
    { ownerUid: 'own', tokenDigest: 'd1' },
    {
      refuse: ({ ownerUid, tokenDigest }: RefusedOwner) => void refused.push(`${ownerUid} ${tokenDigest}`),
      offer: (normalized: Normalized) => {
        if (normalized.kind === 'event') offered.push(`${normalized.item.type} ${normalized.item.id}`);
      },
    },
    0,
  );
  return { own, refused, offered };
}

it.each([
  ['its own token', [revoked('own', 'd1')], REFUSAL, ['own d1'], ['disable_bot T1/disable_bot/d1']],
  [
    'a later token of its own, of which a socket of the earlier one says nothing',
    [revoked('own', 'd2')],
    undefined,
    [],
    [],
  ],
  ['a bot that it carries', [revoked('other', 'd9')], undefined, ['other d9'], ['disable_bot T1/disable_bot/d9']],
  ['a bot that it carries, whose token Relax does not have', [revoked('other', '')], undefined, ['other '], []],
  ['nobody', [], undefined, [], []],
])('a socket tells of %s', (_, bots, own, refused, offered) => {
  expect(told(...bots)).toEqual({ own, refused, offered });
});
