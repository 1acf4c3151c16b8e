import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';

/**
 * Seals tokens for their way through Redis: AES-256-GCM, associated data = what it is for (cluster, owner uid and spec.teamID; or
 * that it is a rotating pair, and which) and key id, so that a sealed token can't be moved to another bot or another use. Format: `v1.<key id>.<base64url of nonce|tag|ciphertext>`.
 */
export interface FleetKey {
  id: string;
  secret: Buffer;
}

/** What a sealed token of a slot or a route is for. */
interface OwnerContext {
  cluster: string;
  ownerUid: string;
  teamID: string;
}

/** What the sealed pair of a rotating token is for (`core/protocol/rotation.ts`). */
interface RotationContext {
  purpose: 'rotation';
  teamID: string;
  clientDigest: string;
  /** Of the pair itself, so that an earlier pair can't take the place of a later one. */
  refreshDigest: string;
}

export type SealContext = OwnerContext | RotationContext;

export class SealError extends Error {
  override name = 'SealError';
}

/**
 * Reads a key file: one key per line, base64 of 32 bytes; the first one seals, all of them open. Blank lines and `#`
 * comments are skipped.
 * @throws SealError that names the line, never its content.
 */
export function parseFleetKeys(text: string): FleetKey[] {
  const keys = text.split('\n').flatMap((line, index): FleetKey[] => {
    const value = line.trim();
    if (value === '' || value.startsWith('#')) return [];
    const secret = Buffer.from(value, 'base64');
    if (secret.length !== 32) {
      throw new SealError(`line ${index + 1} is not base64 of 32 bytes (make a key with: openssl rand -base64 32)`);
    }
    return [{ id: keyID(secret), secret }];
  });
  if (keys.length === 0) throw new SealError('no key in it (make one with: openssl rand -base64 32)');
  return keys;
}

export const newFleetKey = (): string => randomBytes(32).toString('base64');

/** Public name of a key: 8 hex digits of its hash. */
const keyID = (secret: Buffer): string => createHash('sha256').update(secret).digest('hex').slice(0, 8);

/** The lists differ in length, so that no seal of one purpose is one of the other. */
function associatedData(context: SealContext, id: string): Buffer {
  const parts =
    'purpose' in context
      ? [context.purpose, context.teamID, context.clientDigest, context.refreshDigest, id]
      : [context.cluster, context.ownerUid, context.teamID, id];
  return Buffer.from(JSON.stringify(parts));
}

export function seal(plain: string, key: FleetKey, context: SealContext): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key.secret, nonce);
  cipher.setAAD(associatedData(context, key.id));
  const body = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final()]);
  return `v1.${key.id}.${Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64url')}`;
}

/** @throws SealError when no key fits, or the seal was made for another bot, team or cluster. */
export function openSeal(sealed: string, keys: readonly FleetKey[], context: SealContext): string {
  const [version, id, body] = sealed.split('.');
  const key = keys.find((candidate) => candidate.id === id);
  if (version !== 'v1' || body === undefined) throw new SealError('not a sealed token of a version known here');
  if (key === undefined) throw new SealError(`sealed with key ${id}, which is not in RELAX_FLEET_KEY_FILE here`);
  const bytes = Buffer.from(body, 'base64url');
  try {
    const decipher = createDecipheriv('aes-256-gcm', key.secret, bytes.subarray(0, 12), { authTagLength: 16 });
    decipher.setAAD(associatedData(context, key.id));
    decipher.setAuthTag(bytes.subarray(12, 28));
    return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new SealError('the seal does not match: it was made for another bot, team, cluster or key', { cause });
  }
}

/**
 * The key to seal with: the first of ours that every session sharing any key with us can open, so that a key rotation
 * never locks a pod out. Without sessions, our first.
 */
export function sealingKey(keys: readonly FleetKey[], sessionKeyIDs: readonly (readonly string[])[]): FleetKey {
  const [first] = keys;
  if (first === undefined) throw new SealError('no fleet key');
  const sharing = sessionKeyIDs.filter((ids) => keys.some((key) => ids.includes(key.id)));
  return keys.find((key) => sharing.every((ids) => ids.includes(key.id))) ?? first;
}
