import { type DocumentNode, Kind, OperationTypeNode } from 'graphql';

/** Documents that were parsed, by their text; those that were found valid may be executed without asking again. */
export interface Documents {
  /** A parsed document, valid or not. */
  get(text: string): DocumentNode | undefined;
  set(text: string, document: DocumentNode): void;
  /** Notes that a document is valid within all limits. */
  approve(document: DocumentNode): void;
  /** A valid document whose operations are answered once (no subscription among them), or undefined. */
  approved(text: string): DocumentNode | undefined;
}

const CACHED_DOCUMENTS = 500;
const LONGEST_CACHED = 20_000;

/** Keeps the documents of a process. */
export function createDocuments(): Documents {
  const parsed = boundedCache<DocumentNode>();
  const answeredOnce = new WeakSet<DocumentNode>();
  return {
    ...parsed,
    approve: (document) => {
      if (!document.definitions.some(isSubscription)) answeredOnce.add(document);
    },
    approved: (text) => {
      const document = parsed.get(text);
      return document !== undefined && answeredOnce.has(document) ? document : undefined;
    },
  };
}

/** Least recently used documents leave; a very long one (keys written into it) is never kept. */
export function boundedCache<Value>(): { get(text: string): Value | undefined; set(text: string, value: Value): void } {
  const entries = new Map<string, Value>();
  return {
    get: (text) => {
      const value = entries.get(text);
      if (value !== undefined) {
        entries.delete(text);
        entries.set(text, value);
      }
      return value;
    },
    set: (text, value) => {
      if (text.length > LONGEST_CACHED) return;
      if (entries.size >= CACHED_DOCUMENTS) entries.delete(entries.keys().next().value ?? '');
      entries.set(text, value);
    },
  };
}

function isSubscription(definition: DocumentNode['definitions'][number]): boolean {
  return definition.kind === Kind.OPERATION_DEFINITION && definition.operation === OperationTypeNode.SUBSCRIPTION;
}
