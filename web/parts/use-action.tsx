import { type ReactNode, useRef, useState } from 'react';
import { type AnyVariables, type TypedDocumentNode, useMutation } from 'urql';
import { ActionFailure, type Refusal, RefusalNote } from './refusal.tsx';
import { newRequestKey } from './request-key.ts';

type Answer = { __typename: string };

/** Something that a person does: how to do it, whether it is under way, and what stood in its way, drawn. */
export type Action<Variables, Done> = {
  /** Resolves to what was done, or to null when it was refused or failed: `note` then says why. */
  run: (variables: Variables) => Promise<Done | null>;
  busy: boolean;
  note: ReactNode;
};

/** A mutation as an action. `pick` takes its answer, and `done` names the type that says it was done; any other is a refusal. */
export function useAction<Data, Variables extends AnyVariables, Result extends Answer, const Name extends Result['__typename']>(
  document: TypedDocumentNode<Data, Variables>,
  pick: (data: Data) => Result,
  done: Name,
): Action<Variables, Extract<Result, { __typename: Name }>> {
  const [{ fetching, error }, mutate] = useMutation(document);
  const [refusal, setRefusal] = useState<Refusal | null>(null);
  const run = async (variables: Variables) => {
    setRefusal(null);
    const { data } = await mutate(variables);
    if (!data) return null;
    const answer = pick(data);
    if (answer.__typename === done) return answer as Extract<Result, { __typename: Name }>;
    setRefusal(answer as unknown as Refusal);
    return null;
  };
  return { run, busy: fetching, note: refusal ? <RefusalNote refusal={refusal} /> : error ? <ActionFailure error={error} /> : null };
}

/** Request keys: the same one for the same input, so that trying again is the same act; another input is another act. */
export function useRequestKey(): (input: object) => string {
  const last = useRef({ input: '', key: '' });
  return (input) => {
    const text = JSON.stringify(input);
    if (last.current.input !== text) last.current = { input: text, key: newRequestKey() };
    return last.current.key;
  };
}
