import { longestWaitMs } from '../../core/protocol/dedupe-window.ts';
import type { SlotSpec } from '../transport/slot-spec.ts';
import type { Transport } from '../transport/transport.ts';
import type { SlotFacts } from './state.ts';

/** The part of a spec, and of its transport, that the state machine sees. @param windowMs the dedupe window of the contract */
export function factsOf<S extends SlotSpec>(transport: Transport<S>, spec: S, windowMs: number): SlotFacts {
  const { tokenDigest, generation, rebalance, spread } = spec;
  const { openMethod, backpressure, keepAlive } = transport;
  return {
    streamID: transport.streamID(spec),
    openMethod,
    tokenDigest,
    generation,
    rebalance,
    spread,
    refusal: transport.tokenRefusal(spec),
    callsOften: transport.bucket(spec, tokenDigest).sockets !== undefined,
    redelivers: backpressure === 'redelivery',
    answersPings: keepAlive.by === 'websocketPing',
    pauseLimitMs: longestWaitMs(windowMs),
  };
}
