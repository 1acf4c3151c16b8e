import type { HttpSettings } from '../process/http-server.ts';
import type { LogLevel } from '../process/log.ts';
import type { RedisSettings } from '../redis/redis.ts';
import type { Values } from './config-input.ts';
import { settings } from './settings.ts';

/** The parts of configurations that several programs have, and how they are read. */

/** Common to the long-running programs, unlike `relax status` and `relax send`. */
export interface FleetSettings {
  /** The one evicting maxmemory-policy of Redis that is accepted. */
  allowEviction: string | undefined;
}

export interface CommonConfig {
  redis: RedisSettings;
  logLevel: LogLevel;
}

export interface QueueSettings {
  name: string;
  /** List of urgent events; undefined when they go to the queue, too. */
  urgent: string | undefined;
  /** Items on each of the two; 0 means no limit. */
  max: number;
}

/** Part of the fleet contract: all programs of one Redis must agree. */
export interface DedupeSettings {
  windowMs: number;
  subBuckets: number;
}

interface BufferSettings {
  bytes: number;
  /** Age of the oldest event at which reading pauses. */
  ageMs: number;
}

/** What a program needs to bring events to the queue. */
export interface EventSettings extends FleetSettings {
  queue: QueueSettings;
  /** List of the messages that applications send; undefined: none are sent. */
  commands: string | undefined;
  dedupe: DedupeSettings;
  buffer: BufferSettings;
  /** Maximum number of sockets of one connector. */
  capacity: number;
  graceMs: number;
  /** Ends in a slash. */
  slackApiUrl: string;
}

export const common = (values: Values): CommonConfig => ({
  redis: {
    url: values.get(settings.redisUrl),
    username: values.find(settings.redisUsername),
    passwordFile: values.find(settings.redisPasswordFile),
    caFile: values.find(settings.redisCaFile),
  },
  logLevel: values.get(settings.logLevel),
});

export const queue = (values: Values): QueueSettings => ({
  name: values.get(settings.queue),
  urgent: values.find(settings.queueUrgent),
  max: values.get(settings.queueMax),
});

export const dedupe = (values: Values): DedupeSettings => ({
  windowMs: values.get(settings.dedupeWindow) * 1000,
  subBuckets: values.get(settings.dedupeSubBuckets),
});

export const events = (values: Values): EventSettings => ({
  allowEviction: values.find(settings.allowEviction),
  queue: queue(values),
  commands: values.get(settings.commands) || undefined,
  dedupe: dedupe(values),
  buffer: { bytes: values.get(settings.bufferBytes), ageMs: values.get(settings.bufferSeconds) * 1000 },
  capacity: values.get(settings.capacity),
  graceMs: values.get(settings.grace) * 1000,
  slackApiUrl: values.get(settings.slackApiUrl),
});

export const http = (values: Values): HttpSettings => ({
  port: values.get(settings.metricsPort),
  host: values.get(settings.metricsHost),
});
