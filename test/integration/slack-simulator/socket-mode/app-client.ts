import type { ClientOptions } from 'ws';
import type { Frame } from '#slack-simulator/frames.ts';
import type { Simulator } from '#slack-simulator/simulator.ts';
import { callApi, dial, type RawSocket } from '../raw-client.ts';

export async function connectionURL(slack: { url: string }, appToken: string): Promise<string> {
  const { body } = await callApi(slack, 'apps.connections.open', appToken);
  if (typeof body.url !== 'string') throw new Error(`apps.connections.open answered ${JSON.stringify(body)}`);
  return body.url;
}

/** apps.connections.open, dial, hello. */
export async function openAppSocket(
  slack: Simulator,
  appToken: string,
  options?: ClientOptions,
): Promise<RawSocket & { hello: Frame }> {
  const socket = dial(await connectionURL(slack, appToken), options);
  const hello = await socket.frame(({ type }) => type === 'hello');
  return { ...socket, hello };
}

/** Acknowledges an envelope, as a program that needs no answer inside does, or with a payload. */
export function acknowledge(socket: RawSocket, envelope: Frame, payload?: unknown): void {
  const { envelope_id } = envelope;
  socket.ws.send(JSON.stringify(payload === undefined ? { envelope_id } : { envelope_id, payload }));
}
