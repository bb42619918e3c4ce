import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
  randomFillSync,
} from 'node:crypto';

/** A data key as it may lie in the database: sealed by the vault key that `vaultKeyId` names. */
export interface WrappedKey {
  readonly dataKey: Buffer;
  readonly vaultKeyId: string;
}

/** One vault key: 32 bytes that are never in the database. */
export interface VaultKey {
  readonly id: string;
  readonly key: Buffer;
}

/** Keys that are ready for use. They can be posted to a thread of this process, and are never written anywhere. */
export interface SealingKeys {
  readonly dataKey: KeyObject;
  readonly fingerprintKey: KeyObject;
}

/** Seals and opens what must not be readable in the database. */
export interface Vault {
  /** A new data key (one per lot), wrapped; `context` must be given again to open it. */
  createDataKey(context: readonly string[]): WrappedKey;
  /** Encrypts a text under a data key, bound to `context` (network, SKU, key id): a sealed text moved to another row does not open. */
  seal(wrapped: WrappedKey, dataKeyContext: readonly string[], context: readonly string[], plain: string): Buffer;
  /** What `sealText` and `fingerprintText` need for many texts under one data key: another thread may be given it, nothing else. */
  sealingKeys(wrapped: WrappedKey, dataKeyContext: readonly string[]): SealingKeys;
  /** Decrypts; throws when the text, the key or either context is not what was sealed. */
  open(wrapped: WrappedKey, dataKeyContext: readonly string[], context: readonly string[], sealed: Uint8Array): string;
  /** As `seal`, of a file. */
  sealBytes(wrapped: WrappedKey, dataKeyContext: readonly string[], context: readonly string[], plain: Uint8Array): Buffer;
  /** As `open`, of a file. */
  openBytes(wrapped: WrappedKey, dataKeyContext: readonly string[], context: readonly string[], sealed: Uint8Array): Buffer;
  /** The same data key under the current vault key; the texts it sealed stay as they are. Rotation of the vault key. */
  rewrap(wrapped: WrappedKey, context: readonly string[]): WrappedKey;
  /** A keyed hash (32 bytes) by which equal texts of one network are found without reading them. */
  fingerprint(networkId: string, plain: string): Buffer;
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const FORMAT = 1;
/** Unwrapped data keys kept in memory: a page of orders opens keys of few lots. */
const CACHED_KEYS = 256;

/**
 * A vault over its keys: the first seals what is new, all of them open what they sealed. Fingerprints come from a key derived
 * from the last (the eldest), which therefore stays listed, or duplicates would no longer be found after a rotation.
 */
export function createVault(keys: readonly [VaultKey, ...VaultKey[]]): Vault {
  const current = keys[0];
  const wrappingKeys = new Map(keys.map(({ id, key }) => [id, derive(key, 'wrap')]));
  const fingerprintKey = derive((keys.at(-1) ?? current).key, 'fingerprint');
  const cache = new Map<string, KeyObject>();

  function wrap(dataKey: Buffer, context: readonly string[]): WrappedKey {
    return { dataKey: encrypt(wrappingKey(current.id), context, dataKey), vaultKeyId: current.id };
  }
  function wrappingKey(id: string): KeyObject {
    const key = wrappingKeys.get(id);
    if (key === undefined) throw new Error(`the vault key ${JSON.stringify(id)} is not among VAULT_KEY`);
    return key;
  }
  function unwrap(wrapped: WrappedKey, context: readonly string[]): KeyObject {
    const name = `${wrapped.vaultKeyId} ${Buffer.from(wrapped.dataKey).toString('base64')} ${context.join('\0')}`;
    const known = cache.get(name);
    if (known !== undefined) return known;
    const dataKey = createSecretKey(decrypt(wrappingKey(wrapped.vaultKeyId), context, wrapped.dataKey));
    if (cache.size >= CACHED_KEYS) cache.delete(cache.keys().next().value ?? '');
    cache.set(name, dataKey);
    return dataKey;
  }

  return {
    createDataKey: (context) => wrap(randomBytes(32), context),
    seal: (wrapped, keyContext, context, plain) => encrypt(unwrap(wrapped, keyContext), context, Buffer.from(plain, 'utf8')),
    sealingKeys: (wrapped, keyContext) => ({ dataKey: unwrap(wrapped, keyContext), fingerprintKey }),
    open: (wrapped, keyContext, context, sealed) => decrypt(unwrap(wrapped, keyContext), context, sealed).toString('utf8'),
    sealBytes: (wrapped, keyContext, context, plain) => encrypt(unwrap(wrapped, keyContext), context, plain),
    openBytes: (wrapped, keyContext, context, sealed) => decrypt(unwrap(wrapped, keyContext), context, sealed),
    rewrap: (wrapped, context) => wrap(unwrap(wrapped, context).export(), context),
    fingerprint: (networkId, plain) => fingerprintText({ fingerprintKey }, networkId, plain),
  };
}

/** As `Vault.seal`, with keys at hand. */
export function sealText({ dataKey }: Pick<SealingKeys, 'dataKey'>, context: readonly string[], plain: string): Buffer {
  return encrypt(dataKey, context, Buffer.from(plain, 'utf8'));
}

/** As `Vault.fingerprint`, with keys at hand. */
export function fingerprintText({ fingerprintKey }: Pick<SealingKeys, 'fingerprintKey'>, networkId: string, plain: string): Buffer {
  return createHmac('sha256', fingerprintKey).update(`${networkId}\0${plain}`, 'utf8').digest();
}

/** Reads `id:key,id:key`, each key 32 bytes in base64 or hex; the first is current. Throws with the reason, never with a key. */
export function parseVaultKeys(text: string): [VaultKey, ...VaultKey[]] {
  const keys = text.split(',').map((entry) => {
    const [id, value, ...rest] = entry.trim().split(':');
    if (!id || !/^[\w-]{1,32}$/.test(id) || value === undefined || rest.length > 0) throw new Error('each vault key is written id:key');
    const key = /^[0-9a-fA-F]{64}$/.test(value) ? Buffer.from(value, 'hex') : Buffer.from(value, 'base64');
    if (key.length !== 32) throw new Error(`the vault key ${id} is not 32 bytes in base64 or hex`);
    return { id, key };
  });
  const [first, ...others] = keys;
  if (first === undefined) throw new Error('no vault key');
  if (new Set(keys.map(({ id }) => id)).size !== keys.length) throw new Error('two vault keys have one id');
  return [first, ...others];
}

// sealed = format (1 byte), nonce (12), ciphertext, tag (16)
function encrypt(key: KeyObject, context: readonly string[], plain: Uint8Array): Buffer {
  const nonce = newNonce();
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(additionalData(context));
  const sealed = Buffer.allocUnsafe(1 + NONCE_BYTES + plain.length + TAG_BYTES);
  sealed[0] = FORMAT;
  sealed.set(nonce, 1);
  // GCM is a stream: as many bytes come out as go in, and none at the end
  sealed.set(cipher.update(plain), 1 + NONCE_BYTES);
  cipher.final();
  sealed.set(cipher.getAuthTag(), 1 + NONCE_BYTES + plain.length);
  return sealed;
}

// random bytes are drawn by the page: by twelve they cost as much as the cipher
const noncePage = Buffer.alloc(512 * NONCE_BYTES);
let nonceUsed = noncePage.length;

function newNonce(): Buffer {
  if (nonceUsed === noncePage.length) {
    randomFillSync(noncePage);
    nonceUsed = 0;
  }
  nonceUsed += NONCE_BYTES;
  return noncePage.subarray(nonceUsed - NONCE_BYTES, nonceUsed);
}

function decrypt(key: KeyObject, context: readonly string[], sealed: Uint8Array): Buffer {
  const bytes = Buffer.from(sealed);
  if (bytes.length < 1 + NONCE_BYTES + TAG_BYTES || bytes[0] !== FORMAT) throw new Error('this is not a sealed text');
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(1, 1 + NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(additionalData(context));
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  return Buffer.concat([decipher.update(bytes.subarray(1 + NONCE_BYTES, bytes.length - TAG_BYTES)), decipher.final()]);
}

/** Each part with its length, so that ["ab", "c"] and ["a", "bc"] differ. */
function additionalData(context: readonly string[]): Buffer {
  let text = '';
  for (const part of context) text += `${Buffer.byteLength(part)}:${part}`;
  return Buffer.from(text, 'utf8');
}

// a KeyObject is prepared once: a cipher or hash made from raw bytes costs ten times as much
function derive(key: Buffer, purpose: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', key, 'fenzhan', purpose, 32)));
}
