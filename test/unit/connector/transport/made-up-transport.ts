import { objectAt, text } from '#connector/event/frame-field.ts';
import type { Outcome } from '#connector/queue/outcome.ts';
import type { SlotSpec } from '#connector/transport/slot-spec.ts';
import type { Frame, OpenAnswer, Transport, Trouble } from '#connector/transport/transport.ts';
import { isObject } from '#core/slack/json-object.ts';
import { sourceOf } from '#test/unit/connector/event/source.ts';

/** The sockets of an app: each brings events of many teams, and each event goes to one of them. */
export interface AppSpec extends SlotSpec {
  kind: 'app';
  appID: string;
}

const DISCONNECTS: Readonly<Record<string, Trouble>> = {
  switched_off: { reason: 'ConnectionRefused', message: 'The app has its sockets switched off at Slack.' },
  too_many: { reason: 'ConnectionRefused', message: 'The app has too many sockets.' },
};

function decode(json: string): Frame {
  let frame: unknown;
  try {
    frame = JSON.parse(json);
  } catch {
    return { kind: 'malformed', reason: 'not_json' };
  }
  if (!isObject(frame)) return { kind: 'malformed', reason: 'not_an_object' };
  switch (frame.type) {
    case 'hello':
      return { kind: 'hello' };
    case 'disconnect': {
      const trouble = DISCONNECTS[text(frame.reason)];
      return trouble === undefined ? { kind: 'leaving' } : { kind: 'closing', trouble };
    }
    case 'events_api': {
      const payload = objectAt(frame, 'payload');
      return {
        kind: 'event',
        event: objectAt(payload, 'event'),
        text: undefined,
        envelope: {
          type: 'events_api',
          id: text(frame.envelope_id),
          takesAnswer: false,
          isSentAgain: true,
          appID: '',
          teamID: text(payload.team_id),
          enterpriseID: '',
          botUserID: '',
          eventID: '',
          outer: {},
        },
        ack: text(frame.envelope_id),
      };
    }
    default:
      return { kind: 'noise' };
  }
}

/** Final and well: what failed is left to Slack to send again. */
const acknowledge = (envelope_id: string, { kind }: Outcome): string | undefined =>
  kind === 'failed' ? undefined : JSON.stringify({ envelope_id });

/** As unlike RTM as the seam allows, and all that a transport has to be. */
export function madeUpTransport(open: () => Promise<OpenAnswer>): Transport<AppSpec> {
  return {
    tokenRefusal: () => undefined,
    bucket: ({ appID }) => ({ key: `connects of ${appID}` }),
    open,
    decode,
    keepAlive: { by: 'websocketPing' },
    backpressure: 'redelivery',
    acknowledge,
    streamID: ({ appID }) => appID,
    sourceResolver: ({ bot }) => {
      const routes = new Map(['T1', 'T2'].map((teamID) => [teamID, sourceOf({ bot, teamID, slackTeamID: teamID })]));
      const unknownTeam = sourceOf({ bot, teamID: '', slackTeamID: '' });
      return ({ envelope }) => routes.get(envelope?.teamID ?? '') ?? unknownTeam;
    },
    disableBot: () => undefined,
    openMethod: 'sockets.open',
    logNames: ({ appID }) => ({ app: appID }),
  };
}
