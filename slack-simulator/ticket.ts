import { randomUUID } from 'node:crypto';
import type { PreparedFrame } from './ledger.ts';

/** Events that happened between rtm.connect and hello. Slack sends them right after hello, or never if none comes. */
export class Backlog {
  #frames: PreparedFrame[] = [];

  hold(frame: PreparedFrame): void {
    if (frame.record !== undefined) frame.record.pending += 1;
    this.#frames.push(frame);
  }

  /** Hands the frames out; from then on they are the taker's to deliver or to lose. */
  release(): PreparedFrame[] {
    const frames = this.#frames;
    this.#frames = [];
    for (const { record } of frames) if (record !== undefined) record.pending -= 1;
    return frames;
  }
}

/**
 * What rtm.connect and apps.connections.open give: the right to open one socket, for a short time. `ownerID`: the team of
 * an RTM socket, the app of a Socket Mode one.
 */
export type Ticket = { id: string; ownerID: string; token: string; expiresAtMs: number; backlog: Backlog };

/** The tickets that were given and neither used nor expired. */
export class TicketBook {
  readonly #byOwner = new Map<string, Map<string, Ticket>>();
  readonly #ttlMs: number;

  constructor(ttlMs: number) {
    this.#ttlMs = ttlMs;
  }

  issue(ownerID: string, token: string, nowMs: number): Ticket {
    const ticket = { id: randomUUID(), ownerID, token, expiresAtMs: nowMs + this.#ttlMs, backlog: new Backlog() };
    const tickets = this.#byOwner.get(ownerID) ?? new Map<string, Ticket>();
    this.#byOwner.set(ownerID, tickets.set(ticket.id, ticket));
    return ticket;
  }

  /** A ticket can be redeemed once; undefined if it is used, expired, revoked or was never given. */
  redeem(ownerID: string, id: string, nowMs: number): Ticket | undefined {
    this.#prune(ownerID, nowMs);
    const tickets = this.#byOwner.get(ownerID);
    const ticket = tickets?.get(id);
    tickets?.delete(id);
    return ticket;
  }

  /** Keeps an event for each socket of the team that is about to open: RTM's own, an app's are sent it again. */
  hold(ownerID: string, frame: PreparedFrame, nowMs: number): void {
    this.#prune(ownerID, nowMs);
    for (const { backlog } of this.#byOwner.get(ownerID)?.values() ?? []) backlog.hold(frame);
  }

  revoke(token: string): void {
    for (const tickets of this.#byOwner.values()) {
      for (const ticket of tickets.values()) {
        if (ticket.token !== token) continue;
        ticket.backlog.release();
        tickets.delete(ticket.id);
      }
    }
  }

  /** Drops expired tickets, so that what they held counts as unheard. */
  prune(nowMs: number): void {
    for (const ownerID of this.#byOwner.keys()) this.#prune(ownerID, nowMs);
  }

  #prune(ownerID: string, nowMs: number): void {
    const tickets = this.#byOwner.get(ownerID);
    for (const ticket of tickets?.values() ?? []) {
      if (nowMs < ticket.expiresAtMs) continue;
      ticket.backlog.release();
      tickets?.delete(ticket.id);
    }
  }
}
