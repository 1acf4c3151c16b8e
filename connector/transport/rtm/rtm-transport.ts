import type { RtmSlot } from '../../../core/protocol/assignment.ts';
import { connectBudgetKey } from '../../../core/protocol/keys.ts';
import { tokenKind } from '../../../core/protocol/token.ts';
import type { Refusal } from '../../../core/slack/web-api-answer.ts';
import type { EventSource } from '../../event/event-source.ts';
import { disableBot } from '../../event/normalize.ts';
import { revocationOf } from '../../event/revocation.ts';
import type { SharedSpec, SlotSpec } from '../slot-spec.ts';
import type { KeepAlive, OpenAnswer, Transport } from '../transport.ts';
import { isAbout, type RtmConnect, type RtmConnectAnswer } from './rtm-connect.ts';
import { copiedEvent } from './rtm-copies.ts';
import { decodeRtmFrame, encodeRtmPing } from './rtm-frame.ts';
import { encodeRtmMessage } from './rtm-message.ts';
import { refuseToken } from './rtm-token.ts';

/**
 * A bot of one team: every socket gets a full copy of what Slack sends it, and Slack allows about one rtm.connect a
 * minute for each team and token.
 */
export interface RtmSpec extends SlotSpec {
  kind: 'rtm';
  /** `spec.teamID`: the workspace or organization that the token must be of. */
  teamID: string;
}

export const rtmSpec = ({ teamID }: RtmSlot, shared: SharedSpec): RtmSpec => ({
  ...shared,
  kind: 'rtm',
  teamID,
});

export interface RtmTransportOptions {
  connect: RtmConnect;
  cluster: string;
}

const KEEP_ALIVE: KeepAlive = { by: 'text', ping: encodeRtmPing };

/** Slack's RTM API. Nothing is acknowledged: Slack sends every event once to each socket. */
export function rtmTransport({ connect, cluster }: RtmTransportOptions): Transport<RtmSpec> {
  const botOf = (spec: RtmSpec): Omit<EventSource, 'slackTeamID' | 'botUserID'> => ({
    cluster,
    ownerUid: spec.ownerUid,
    bot: spec.bot,
    generation: spec.generation,
    teamID: spec.teamID,
    queueNamespace: spec.queueNamespace,
    events: spec.events,
  });

  return {
    tokenRefusal: ({ token }) => refuseToken(token),
    bucket: ({ teamID }, tokenDigest) => ({ key: connectBudgetKey(teamID, tokenDigest) }),
    open: async ({ token, teamID }, signal) => judge(await connect(token, signal), teamID),
    decode: decodeRtmFrame,
    keepAlive: KEEP_ALIVE,
    speaker: ({ teamID, token }) => ({ teamID, token }),
    message: encodeRtmMessage,
    backpressure: 'pause',
    streamID: ({ teamID }) => teamID,
    sourceResolver(spec, self) {
      const source = { ...botOf(spec), slackTeamID: self.teamID, botUserID: self.botUserID };
      return () => source;
    },
    revokedBy(spec, self, frame) {
      const kind = tokenKind(spec.token) === 'user' ? 'user' : 'bot';
      const bot = { teamID: spec.teamID, userID: self.botUserID, tokenKind: kind, appID: '' } as const;
      const refusal = revocationOf(frame, bot);
      return refusal === undefined ? [] : [{ bot: { ...botOf(spec), tokenDigest: spec.tokenDigest }, refusal }];
    },
    twins: { stream: ({ teamID }, tokenDigest) => `${teamID}:${tokenDigest}`, copied: copiedEvent },
    disableBot: (spec, slackError, nowMs) =>
      disableBot({ ...botOf(spec), tokenDigest: spec.tokenDigest }, slackError, nowMs),
    openMethod: 'rtm.connect',
    logNames: ({ teamID }) => ({ team: teamID }),
  };
}

/** A token whose team is not `spec.teamID` opens no socket (design rule 4). */
function judge(answer: RtmConnectAnswer, wantedTeamID: string): OpenAnswer {
  if (answer.kind !== 'ok') return answer;
  if (!isAbout(answer, wantedTeamID)) return { kind: 'mismatch', ...mismatch(answer, wantedTeamID) };
  const { url, teamID, teamName, botUserID } = answer;
  return { kind: 'ok', url, self: { teamID, teamName, botUserID } };
}

function mismatch(answer: Extract<RtmConnectAnswer, { kind: 'ok' }>, wantedTeamID: string): Refusal {
  const message =
    `The token belongs to team ${answer.teamID} (${answer.teamName}), but spec.teamID is ${wantedTeamID}. No socket was ` +
    'opened. Put the token of that team into the Secret, or create a SlackBot with the teamID of the token.';
  return { reason: 'TeamMismatch', error: 'team_mismatch', message };
}
