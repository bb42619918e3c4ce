import { byteaArray, uuidArray } from '#server/platform/array-binary.ts';
import { fingerprintText, type SealingKeys, sealText } from '#server/platform/vault.ts';

/** Where card keys are sealed for: the keys, and what each sealed text is bound to beside its id. */
export type SealingPlace = { readonly keys: SealingKeys; readonly networkId: string; readonly skuId: string };

/** Card keys as texts, and the ids that they will have. */
export type PlainLines = { readonly ids: readonly string[]; readonly texts: readonly string[] };

/** A line sealed. */
export type SealedLine = { readonly sealed: Buffer; readonly fingerprint: Buffer };

/** Lines sealed, in PostgreSQL's binary arrays. */
export type SealedArrays = { readonly ids: Uint8Array; readonly sealed: Uint8Array; readonly fingerprints: Uint8Array };

/** Seals the lines from `start` to before `end`. */
export function sealLines({ keys, networkId, skuId }: SealingPlace, { ids, texts }: PlainLines, start = 0, end = ids.length): SealedLine[] {
  return texts.slice(start, end).map((text, index) => ({
    sealed: sealText(keys, [networkId, skuId, ids[start + index] ?? ''], text),
    fingerprint: fingerprintText(keys, networkId, text),
  }));
}

/** Sealed lines as the database takes them. */
export function sealedArrays(ids: readonly string[], lines: readonly SealedLine[]): SealedArrays {
  return {
    ids: uuidArray(ids),
    sealed: byteaArray(lines.map(({ sealed }) => sealed)),
    fingerprints: byteaArray(lines.map(({ fingerprint }) => fingerprint)),
  };
}
