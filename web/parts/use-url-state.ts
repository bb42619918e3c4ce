import { useCallback } from 'react';
import { useSearchParams } from 'react-router';

/** One filter of a page kept in its URL: a link to the page is a link to what is seen. The default leaves no trace. */
export function useUrlState<Value extends string>(name: string, fallback: Value): [Value, (value: Value) => void] {
  const [params, setParams] = useSearchParams();
  const set = useCallback(
    (value: Value) =>
      setParams(
        (before) => {
          const next = new URLSearchParams(before);
          if (value === fallback) next.delete(name);
          else next.set(name, value);
          return next;
        },
        { replace: true },
      ),
    [setParams, name, fallback],
  );
  return [(params.get(name) as Value | null) ?? fallback, set];
}
