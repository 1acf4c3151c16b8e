import { z } from 'zod';

/** A condition as Kubernetes' API conventions have it, in the status of every kind of this group. */
export const conditionSchema = z.object({
  type: z.string().min(1).max(316).meta({ description: 'Name of the condition, such as Ready.' }),
  status: z.enum(['True', 'False', 'Unknown']).meta({ description: 'Whether the condition holds.' }),
  reason: z.string().min(1).max(1024).meta({ description: 'Why, in one word for programs.' }),
  message: z.string().max(32768).meta({ description: 'Why, for people; with the remedy if something is to be done.' }),
  lastTransitionTime: z
    .string()
    .max(64)
    .meta({ description: 'When the status last flipped: RFC 3339.', format: 'date-time' }),
  observedGeneration: z
    .int()
    .meta({ description: 'The metadata.generation that the condition is about.', format: 'int64' }),
});

export type Condition = z.infer<typeof conditionSchema>;
