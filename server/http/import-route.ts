import type { IncomingMessage } from 'node:http';
import { globalId, idOf } from '#schema/ids.ts';
import type { Viewer } from '#server/accounts/rules.ts';
import type { ImportOutcome, ImportTerms } from '#server/flows/import-card-keys.ts';
import { requestError } from './errors.ts';
import { type Exchange, type IdentifyOptions, identified } from './graphql-route.ts';
import { unauthenticated } from './identify.ts';
import { sendJson } from './respond.ts';

/** Takes a file in as it comes; the composition root binds it to the database and the vault. */
export type ReceiveCardKeys = (viewer: Viewer, terms: ImportTerms, source: AsyncIterable<Uint8Array>) => Promise<ImportOutcome>;

/** Where files of card keys are sent to. */
export const IMPORT_PATH = '/imports/card-keys';

/** Bytes of one file: two million lines of a hundred characters each. */
const FILE_BYTES_MAX = 256 * 1024 * 1024;
/** Files that one process takes in at once: each costs a core as long as its bytes come quickly. */
const FILES_AT_ONCE = 2;
/** A sender of whom nothing is heard for so long is gone; below the time after which the worker ends what broke off. */
const SILENCE_MILLISECONDS = 60_000;

/** Answers POST /imports/card-keys: the file is the body, what it is stands in the address, who sends it as for /graphql. */
export function createImportRoute(receive: ReceiveCardKeys, options: IdentifyOptions): (exchange: Exchange) => Promise<void> {
  let under = 0;
  return async (exchange) => {
    const { request, response, url } = exchange;
    response.setHeader('Cache-Control', 'no-store');
    // what is left of a refused file is not read to its end
    response.setHeader('Connection', 'close');
    if (request.method !== 'POST') {
      throw requestError('METHOD_NOT_ALLOWED', 'Send the file by POST.', { status: 405, headers: { Allow: 'POST' } });
    }
    const { identity } = await identified(exchange, options);
    const viewer = importerOf(identity.viewer);
    const terms = termsOf(url.searchParams);
    if (under >= FILES_AT_ONCE) {
      throw requestError('BUSY', 'Other files are being taken in just now. Try again in a moment.', {
        status: 503,
        headers: { 'Retry-After': '5' },
      });
    }
    under += 1;
    try {
      const outcome = await receive(viewer, terms, bounded(request));
      if (outcome.kind !== 'CARD_KEYS_IMPORT_STARTED') throw refusalOf(outcome);
      sendJson(response, 202, { jobId: globalId('ImportJob', outcome.jobId), replayed: outcome.replayed });
    } finally {
      under -= 1;
    }
  };
}

function importerOf(viewer: Viewer | null): Viewer {
  if (viewer === null) throw unauthenticated();
  if (viewer.party.kind !== 'STATION' || !viewer.permissions.has('STOCK_IMPORT')) {
    throw requestError('FORBIDDEN', 'This needs the permission STOCK_IMPORT of a station.', { status: 403 });
  }
  return viewer;
}

function termsOf(given: URLSearchParams): ImportTerms {
  const text = (name: string): string => {
    const value = given.get(name);
    if (value === null || value === '') throw invalid(name, 'is required');
    return value;
  };
  const oneOf = <const Word extends string>(name: string, words: readonly Word[]): Word => {
    const word = words.find((each) => each === text(name));
    if (word === undefined) throw invalid(name, `is one of ${words.join(', ')}`);
    return word;
  };
  const skuId = idOf('Sku', text('skuId'));
  const supplier = given.get('supplierId');
  const supplierId = supplier === null ? null : idOf('Supplier', supplier);
  if (skuId === null || (supplier !== null && supplierId === null)) throw refusalOf({ kind: 'NOT_FOUND' });
  return {
    requestKey: text('requestKey'),
    skuId,
    supplierId,
    terms: oneOf('terms', ['OWN', 'CONSIGNMENT']),
    totalCost: text('totalCost'),
    expiresOn: given.get('expiresOn'),
    format: oneOf('format', ['TEXT', 'CSV']),
  };
}

async function* bounded(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  // a refused file's sender gets to read the answer, so its connection is not destroyed
  const chunks = request.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>;
  let bytes = 0;
  for (;;) {
    const next = await heard(request, chunks);
    if (next.done === true) return;
    bytes += next.value.length;
    if (bytes > FILE_BYTES_MAX) {
      throw requestError('BODY_LIMIT', `A file may have at most ${FILE_BYTES_MAX} bytes.`, {
        status: 413,
        facts: { limit: FILE_BYTES_MAX },
      });
    }
    yield next.value;
  }
}

/** What the sender sends next. Silence counts only while we listen: what makes him wait is ours. */
async function heard(request: IncomingMessage, chunks: AsyncIterator<Buffer>): Promise<IteratorResult<Buffer>> {
  const timer = setTimeout(() => request.destroy(new Error('the sender of a file fell silent')), SILENCE_MILLISECONDS);
  try {
    return await chunks.next();
  } finally {
    clearTimeout(timer);
  }
}

function refusalOf(outcome: Exclude<ImportOutcome, { kind: 'CARD_KEYS_IMPORT_STARTED' }>) {
  switch (outcome.kind) {
    case 'NOT_FOUND':
      return requestError('NOT_FOUND', 'There is no such SKU or supplier of yours.', { status: 404 });
    case 'NOT_ALLOWED':
      return requestError('NOT_ALLOWED', outcome.message, { status: 403 });
    case 'REQUEST_KEY_REUSED':
      return requestError('REQUEST_KEY_REUSED', 'The request key was used before, with another file.', { status: 409 });
    case 'INVALID_INPUT':
      return invalid(outcome.field, outcome.message);
  }
}

function invalid(field: string, message: string) {
  return requestError('INVALID_INPUT', `${field}: ${message}`, { status: 400, facts: { field } });
}
