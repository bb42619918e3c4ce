/**
 * A new request key: one per intent of a person, kept while the same intent is retried, so that an answer lost on the
 * way can be asked for again without a second effect (api.md, request keys).
 */
export function newRequestKey(): string {
  // crypto.randomUUID is withheld from pages over plain http; getRandomValues is not.
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `console-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
