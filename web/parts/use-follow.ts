import { useEffect, useEffectEvent, useRef, useState } from 'react';
import { type AnyVariables, type TypedDocumentNode, useSubscription } from 'urql';

const flushMs = 250;

/**
 * The cursor that a list was read with: subscribe with `after` it, and nothing lies between the list and what follows. It is that of
 * the first answer of the server for this list, and stays when the list is read again.
 */
export function useListCursor(list: string, { fresh, cursor }: { fresh: boolean; cursor: string | undefined }): string | null {
  const [start, setStart] = useState<{ list: string; cursor: string } | null>(null);
  const known = start?.list === list ? start.cursor : null;
  if (known === null && fresh && cursor) setStart({ list, cursor });
  return known;
}

/**
 * Follows a subscription from a list's cursor on. Events come in bursts: `onEvents` is told of them at most four times a second, or
 * as seldom as `everyMs` says.
 */
export function useFollow<Data, Variables extends AnyVariables>(options: {
  query: TypedDocumentNode<Data, Variables>;
  variables?: Omit<NonNullable<Variables>, 'after'>;
  after: string | null;
  onEvents: (events: Data[]) => void;
  everyMs?: number;
}) {
  const buffer = useRef<Data[]>([]);
  useSubscription<Data, Data, Variables>(
    { query: options.query, variables: { ...options.variables, after: options.after } as never, pause: options.after === null },
    (_before, event) => {
      buffer.current.push(event);
      return event;
    },
  );
  const flush = useEffectEvent(() => {
    if (buffer.current.length > 0) options.onEvents(buffer.current.splice(0));
  });
  const followed = JSON.stringify(options.variables ?? {});
  // what was heard of another list is none of this one's
  useEffect(() => () => void buffer.current.splice(0), [followed]);
  const everyMs = options.everyMs ?? flushMs;
  useEffect(() => {
    const timer = setInterval(() => flush(), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
}
