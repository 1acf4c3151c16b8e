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

/** What rtm.connect gives: the right to open one socket, for a short time. */
type Ticket = { id: string; teamID: string; token: string; expiresAtMs: number; backlog: Backlog };

/** The tickets that were given and neither used nor expired. */
export class TicketBook {
  readonly #byTeam = new Map<string, Map<string, Ticket>>();
  readonly #ttlMs: number;

  constructor(ttlMs: number) {
    this.#ttlMs = ttlMs;
  }

  issue(teamID: string, token: string, nowMs: number): Ticket {
    const ticket = { id: randomUUID(), teamID, token, expiresAtMs: nowMs + this.#ttlMs, backlog: new Backlog() };
    const tickets = this.#byTeam.get(teamID) ?? new Map<string, Ticket>();
    this.#byTeam.set(teamID, tickets.set(ticket.id, ticket));
    return ticket;
  }

  /** A ticket can be redeemed once; undefined if it is used, expired, revoked or was never given. */
  redeem(teamID: string, id: string, nowMs: number): Ticket | undefined {
    this.#prune(teamID, nowMs);
    const tickets = this.#byTeam.get(teamID);
    const ticket = tickets?.get(id);
    tickets?.delete(id);
    return ticket;
  }

  /** Keeps an event for each socket of the team that is about to open. */
  hold(teamID: string, frame: PreparedFrame, nowMs: number): void {
    this.#prune(teamID, nowMs);
    for (const { backlog } of this.#byTeam.get(teamID)?.values() ?? []) backlog.hold(frame);
  }

  revoke(token: string): void {
    for (const tickets of this.#byTeam.values()) {
      for (const ticket of tickets.values()) {
        if (ticket.token !== token) continue;
        ticket.backlog.release();
        tickets.delete(ticket.id);
      }
    }
  }

  /** Drops expired tickets, so that what they held counts as unheard. */
  prune(nowMs: number): void {
    for (const teamID of this.#byTeam.keys()) this.#prune(teamID, nowMs);
  }

  #prune(teamID: string, nowMs: number): void {
    const tickets = this.#byTeam.get(teamID);
    for (const ticket of tickets?.values() ?? []) {
      if (nowMs < ticket.expiresAtMs) continue;
      ticket.backlog.release();
      tickets?.delete(ticket.id);
    }
  }
}
