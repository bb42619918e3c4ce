import { writeAudit } from '#server/accounts/commands.ts';
import type { Viewer } from '#server/accounts/rules.ts';
import type { InvalidInput, NotAllowed, NotFound } from '#server/network/rules.ts';
import { type Database, inTransaction, run } from '#server/platform/database.ts';
import { isId } from '#server/platform/ids.ts';
import type { Vault } from '#server/platform/vault.ts';
import { attachFile, sealFile } from '#server/suppliers/commands.ts';
import { documentContext, FILE_BYTES_MAX, fileTypeOf, safeFileName } from '#server/suppliers/rules.ts';
import { documentsById, selectFile } from '#server/suppliers/sql.ts';
import { refreshSuppliers } from './licences.ts';
import { actorOn } from './supplier-access.ts';

/** What can become of a file that is put to a document. */
export type PutFileOutcome =
  | { readonly kind: 'FILE_PUT'; readonly name: string; readonly type: string; readonly size: number }
  | NotFound
  | NotAllowed
  | InvalidInput;

/** A file in the clear. */
export type OpenedFile = { readonly kind: 'FILE'; readonly name: string; readonly type: string; readonly bytes: Buffer };

/** Whether the viewer may put a file to this document or read the one that it has; asked before its body is taken in. */
export async function fileAccess(db: Database, viewer: Viewer, documentId: string): Promise<'GRANTED' | NotFound | NotAllowed> {
  const [document] = isId(documentId) ? await run(db.pool, documentsById, [viewer.networkId, [documentId], null]) : [];
  const found = await actorOn(db.pool, viewer, 'SUPPLIERS_MANAGE', document?.supplier_id ?? '');
  return found.kind === 'ACTOR' ? 'GRANTED' : found;
}

/**
 * Puts a file to a supplier's document: PDF, PNG or JPEG by its own first bytes, at most 5 MiB, sealed before the transaction. The
 * document waits for its review again; an approved one does not change.
 */
export async function putDocumentFile(
  db: Database,
  vault: Vault,
  viewer: Viewer,
  file: { readonly documentId: string; readonly name: string; readonly bytes: Uint8Array },
): Promise<PutFileOutcome> {
  const { documentId, bytes } = file;
  const { networkId } = viewer;
  const [document] = isId(documentId) ? await run(db.pool, documentsById, [networkId, [documentId], null]) : [];
  const found = await actorOn(db.pool, viewer, 'SUPPLIERS_MANAGE', document?.supplier_id ?? '');
  if (found.kind !== 'ACTOR') return found;
  if (bytes.length > FILE_BYTES_MAX)
    return { kind: 'INVALID_INPUT', field: 'file', message: `A file has at most ${FILE_BYTES_MAX} bytes.` };
  const type = fileTypeOf(bytes);
  if (type === null) return { kind: 'INVALID_INPUT', field: 'file', message: 'This is no PDF, PNG or JPEG.' };
  const sealed = sealFile(vault, { networkId, documentId }, { bytes, name: safeFileName(file.name, type), type });
  const { name, size } = sealed;
  return inTransaction(db, async (tx): Promise<PutFileOutcome> => {
    const outcome = await attachFile(tx, found.actor, documentId, sealed);
    if (outcome.kind !== 'DONE') return outcome;
    await writeAudit(tx, viewer, { action: 'supplier_document.file_put', subjectId: documentId, data: { name, type, size } });
    await refreshSuppliers(tx, networkId, [found.actor.supplierId]);
    return { kind: 'FILE_PUT', name, type, size };
  });
}

/** Opens the file of a document for who manages the supplier: the entry of the audit log is committed first, then it is opened. */
export async function readDocumentFile(
  db: Database,
  vault: Vault,
  viewer: Viewer,
  documentId: string,
): Promise<OpenedFile | NotFound | NotAllowed> {
  const access = await fileAccess(db, viewer, documentId);
  if (access !== 'GRANTED') return access;
  const { networkId } = viewer;
  const [file] = await run(db.pool, selectFile, [networkId, documentId, null]);
  if (file === undefined) return { kind: 'NOT_FOUND' };
  await inTransaction(db, (tx) => writeAudit(tx, viewer, { action: 'supplier_document.file_read', subjectId: documentId }));
  const context = documentContext(networkId, documentId);
  const wrapped = { dataKey: file.data_key, vaultKeyId: file.vault_key_id };
  return { kind: 'FILE', name: file.file_name, type: file.file_type, bytes: vault.openBytes(wrapped, context, context, file.sealed) };
}
