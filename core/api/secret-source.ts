import { z } from 'zod';
import { objectNameSchema } from './object-name.ts';

/** The field `credentials` of every kind: which Secret, and under which keys. */

/** What Kubernetes takes as a key in a Secret; `.` and `..` aside. */
export const SECRET_KEY_PATTERN = /^[-._a-zA-Z0-9]+$/;
export const SECRET_KEY_REMEDY = "must be letters, digits, '-', '_' and '.'";

/** The key of each credential in the Secret unless `credentials.keys` says otherwise. */
export const DEFAULT_SECRET_KEYS = {
  token: 'token',
  appToken: 'app-token',
  refreshToken: 'refresh-token',
  clientID: 'client-id',
  clientSecret: 'client-secret',
} as const;
export type SecretKeys = Record<keyof typeof DEFAULT_SECRET_KEYS, string>;

/** @param what the credential, for people */
export const secretKeySchema = (field: keyof SecretKeys, what: string) =>
  z
    .string()
    .regex(SECRET_KEY_PATTERN, SECRET_KEY_REMEDY)
    .min(1)
    .max(253)
    .optional()
    .meta({ description: `Key of ${what}.`, codeDefault: DEFAULT_SECRET_KEYS[field] });

export type Refresh = 'Owner' | 'Follow';

export const refreshField = z
  .enum(['Owner', 'Follow'])
  .optional()
  .meta({
    description:
      'Who refreshes a rotating token. Owner: this cluster. Follow: another cluster with the same Redis and fleet key, whose ' +
      'newest token is used here too. A refresh token works once, so no two programs may refresh it without knowing of each ' +
      'other; several Owners on one Redis do. Means nothing for a token that does not rotate.',
    codeDefault: 'Owner',
  });

/** @param kind of the object that names the Secret */
export const secretSourceSchema = <Keys extends z.ZodRawShape>(kind: string, keys: Keys) =>
  z.object({
    secretRef: z
      .object({ name: objectNameSchema.meta({ description: 'Name of the Secret.' }) })
      .meta({ description: `The Secret, in the namespace of the ${kind}.`, 'x-kubernetes-map-type': 'atomic' }),
    keys: z
      .object(keys)
      .optional()
      .meta({ description: 'Names of the keys in the Secret, where they differ from the defaults.' }),
  });
