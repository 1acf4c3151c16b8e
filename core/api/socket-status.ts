import { z } from 'zod';
import { conditionSchema } from './condition.ts';

const connectionSchema = z.object({
  pod: z.string().max(253).meta({ description: 'The connector pod.' }),
  zone: z.string().max(253).meta({ description: 'Its zone; empty if unknown.' }),
  since: z.string().max(64).meta({ description: 'When the socket was assigned to the pod.', format: 'date-time' }),
});

/** The status fields of every kind that has sockets. @param what the object, for people: "bot" */
export const socketStatusFields = (what: string) => ({
  observedGeneration: z.int().exactOptional().meta({
    description: 'The metadata.generation that this status is about.',
    format: 'int64',
  }),
  conditions: z
    .array(conditionSchema)
    .max(32)
    .exactOptional()
    .meta({
      description: `State of the ${what}. Ready is the summary: credentials valid and at least one live socket.`,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
    }),
  desiredConnections: z.int().min(0).exactOptional().meta({ description: 'Number of sockets wanted.' }),
  liveConnections: z.int().min(0).exactOptional().meta({ description: 'Number of sockets that are live.' }),
  connectionSummary: z
    .string()
    .max(32)
    .exactOptional()
    .meta({ description: 'Number of live and of wanted sockets, such as 2/2.' }),
  connections: z
    .array(connectionSchema)
    .max(64)
    .exactOptional()
    .meta({ description: 'Where the sockets are.', 'x-kubernetes-list-type': 'atomic' }),
});
