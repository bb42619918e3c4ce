import { isId } from '#server/platform/ids.ts';

// A global id is base64url of "Type:uuid". It carries no network: that comes from the viewer alone (domain §2), so an id of
// another network is simply not found. Programs treat ids as opaque.

/** What an id of the contract says. */
export interface DecodedId {
  readonly type: string;
  readonly id: string;
}

/** The global id of a row. */
export function globalId(type: string, id: string): string {
  return Buffer.from(`${type}:${id}`, 'utf8').toString('base64url');
}

/** Reads a global id; null for anything that this program did not make. */
export function decodeId(text: string): DecodedId | null {
  const [type, id, ...rest] = Buffer.from(text, 'base64url').toString('utf8').split(':');
  if (type === undefined || id === undefined || rest.length > 0 || !isId(id)) return null;
  // base64url is read leniently: only the spelling that we would write is an id, so that equal things have equal ids
  return globalId(type, id) === text ? { type, id } : null;
}

/** The row's id in a global id of this type; null when it is none: answered like an id that does not exist. */
export function idOf(type: string, text: string): string | null {
  const decoded = decodeId(text);
  return decoded?.type === type ? decoded.id : null;
}

/** An optional argument: undefined when it was left out, null when it is no id of this type. */
export function optionalIdOf(type: string, text: string | null | undefined): string | null | undefined {
  return text === null || text === undefined ? undefined : idOf(type, text);
}
