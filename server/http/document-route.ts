import { globalId, idOf } from '#schema/ids.ts';
import { partyId, type Viewer } from '#server/accounts/rules.ts';
import type { OpenedFile, PutFileOutcome } from '#server/flows/supplier-files.ts';
import type { InvalidInput, NotAllowed, NotFound } from '#server/network/rules.ts';
import { FILE_BYTES_MAX } from '#server/suppliers/rules.ts';
import { readBody } from './body.ts';
import { requestError } from './errors.ts';
import { type Exchange, type IdentifyOptions, identified } from './graphql-route.ts';
import { unauthenticated } from './identify.ts';
import { sendJson } from './respond.ts';

/** Puts and gets the files of suppliers' documents; the composition root binds it to the database and the vault. */
export interface DocumentFiles {
  /** Asked before a body is taken in: whoever may not put a file sends none. */
  readonly access: (viewer: Viewer, documentId: string) => Promise<'GRANTED' | NotFound | NotAllowed>;
  readonly put: (viewer: Viewer, file: { documentId: string; name: string; bytes: Uint8Array }) => Promise<PutFileOutcome>;
  readonly read: (viewer: Viewer, documentId: string) => Promise<OpenedFile | NotFound | NotAllowed>;
}

/** Where files of suppliers' documents are: this, and the id of the document. */
export const DOCUMENT_PATH = '/files/supplier-documents/';

/** Files that one process holds in memory at once, and those of one party: who sends slowly keeps nobody else waiting. */
const FILES_AT_ONCE = 16;
const FILES_OF_PARTY = 2;

/**
 * Answers PUT and GET of a document's file: the bytes are the body, its name stands in the address (`?name=`), who sends it as for
 * /graphql. What is got is saved, never shown by the browser under our origin.
 */
export function createDocumentRoute(files: DocumentFiles, options: IdentifyOptions): (exchange: Exchange) => Promise<void> {
  const under: string[] = [];
  return async (exchange) => {
    const { request, response, url } = exchange;
    response.setHeader('Cache-Control', 'no-store');
    const isPut = request.method === 'PUT';
    if (!isPut && request.method !== 'GET') {
      throw requestError('METHOD_NOT_ALLOWED', 'A file is put or got.', { status: 405, headers: { Allow: 'GET, PUT' } });
    }
    const viewer = managerOf((await identified(exchange, options)).identity.viewer);
    const documentId = idOf('SupplierDocument', url.pathname.slice(DOCUMENT_PATH.length));
    const access = documentId === null ? ({ kind: 'NOT_FOUND' } as const) : await files.access(viewer, documentId);
    if (documentId === null || access !== 'GRANTED') throw refusalOf(access as NotFound | NotAllowed);
    const party = partyId(viewer.party);
    if (under.length >= FILES_AT_ONCE || under.filter((each) => each === party).length >= FILES_OF_PARTY) throw busy();
    under.push(party);
    try {
      if (isPut) await put(exchange, files, viewer, documentId);
      else await get(exchange, files, viewer, documentId);
    } finally {
      under.splice(under.indexOf(party), 1);
    }
  };
}

async function put({ request, response, url }: Exchange, files: DocumentFiles, viewer: Viewer, documentId: string): Promise<void> {
  const bytes = await readBody(request, FILE_BYTES_MAX);
  const outcome = await files.put(viewer, { documentId, name: url.searchParams.get('name') ?? '', bytes });
  if (outcome.kind !== 'FILE_PUT') throw refusalOf(outcome);
  const { name, type, size } = outcome;
  sendJson(response, 200, { documentId: globalId('SupplierDocument', documentId), name, type, byteCount: size });
}

async function get({ response }: Exchange, files: DocumentFiles, viewer: Viewer, documentId: string): Promise<void> {
  const file = await files.read(viewer, documentId);
  if (file.kind !== 'FILE') throw refusalOf(file);
  response.writeHead(200, {
    'Content-Type': file.type,
    'Content-Length': file.bytes.length,
    'Content-Disposition': `attachment; filename*=UTF-8''${encodeName(file.name)}`,
    // a document that is opened all the same runs nothing and reaches nothing
    'Content-Security-Policy': "sandbox; default-src 'none'",
  });
  response.end(file.bytes);
}

function busy() {
  return requestError('BUSY', 'Other files are under way just now. Try again in a moment.', {
    status: 503,
    headers: { 'Retry-After': '1' },
  });
}

/** A name as RFC 8187 writes it. */
function encodeName(name: string): string {
  return encodeURIComponent(name.toWellFormed()).replaceAll(/['()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function managerOf(viewer: Viewer | null): Viewer {
  if (viewer === null) throw unauthenticated();
  if (!viewer.permissions.has('SUPPLIERS_MANAGE'))
    throw requestError('FORBIDDEN', 'This needs the permission SUPPLIERS_MANAGE.', {
      status: 403,
      facts: { permission: 'SUPPLIERS_MANAGE' },
    });
  return viewer;
}

function refusalOf(refusal: NotFound | NotAllowed | InvalidInput) {
  switch (refusal.kind) {
    case 'NOT_FOUND':
      return requestError('NOT_FOUND', 'There is no such document, or none that you may see, or it has no file.', { status: 404 });
    case 'NOT_ALLOWED':
      return requestError('NOT_ALLOWED', refusal.message, { status: 403 });
    case 'INVALID_INPUT':
      return requestError('INVALID_INPUT', refusal.message, { status: 400, facts: { field: refusal.field } });
  }
}
