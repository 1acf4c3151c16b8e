import { z } from 'zod';
import type { Burst } from './burst.ts';
import { eventKinds } from './frames.ts';
import type { Simulator } from './simulator-api.ts';

/** One call: what stands for `:id` and `:team` in the route's path, and what came with it. */
export type Call = {
  slack: Simulator;
  bursts: Map<string, Burst>;
  id: string;
  team: string;
  query: URLSearchParams;
  body: unknown;
};

/** `:id` and `:team` in a path each stand for one segment of it. */
export type Route = { method: 'GET' | 'POST' | 'DELETE'; path: string; handle(call: Call): unknown };

export const ms = z.number().min(0);
export const count = z.number().int().min(1);
export const name = z.string().min(1);

/** An event by its kind; what is left out is made up. */
export const eventOfKind = {
  kind: z.enum(eventKinds).default('message'),
  channel: z.string().optional(),
  user: z.string().optional(),
  text: z.string().optional(),
  about: z.string().optional(),
};
/** Anything that Slack might say. */
export const anyFrame = z.record(z.string(), z.unknown());
