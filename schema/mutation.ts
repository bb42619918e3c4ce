import type { InputObjectRef, ObjectFieldsShape, UnionRef } from '@pothos/core';
import type { PartyAccess } from './access.ts';
import { builder, type Types } from './builder.ts';
import type { Context } from './context.ts';
import { forgetLoaded } from './loaders.ts';

/** Work that a mutation is, beside what is selected of its answer. */
const MUTATION_COST = 10;

interface Mutation<Input, Result> {
  readonly description: string;
  readonly access: PartyAccess & { readonly permission: NonNullable<PartyAccess['permission']> };
  readonly input: InputObjectRef<Types, Input>;
  readonly result: UnionRef<Types, Result>;
  /** What it costs where that follows from the input. */
  readonly cost?: (input: Input) => number;
  readonly resolve: (input: Input, context: Context) => Promise<Result>;
}

/** Declares a mutation with one `input` and a union of its success and its refusals. What was loaded before it is forgotten. */
export function mutation<Input, Result>(name: string, options: Mutation<Input, Result>): void {
  const { description, access, input, result, cost, resolve } = options;
  builder.mutationField(name, (t) =>
    t.field({
      type: result as UnionRef<Types, unknown>,
      access,
      description,
      complexity: (args) => cost?.((args as { input: Input }).input) ?? MUTATION_COST,
      args: { input: t.arg({ type: input as InputObjectRef<Types, unknown>, required: true, description: 'What to do.' }) },
      resolve: async (_, args, context) => {
        const answer = await resolve(args.input as Input, context);
        forgetLoaded(context);
        return answer;
      },
    }),
  );
}

/** Declares what a mutation answers when it was done. */
export function successType<Shape extends { readonly __typename: string }>(
  name: Shape['__typename'],
  description: string,
  fields: ObjectFieldsShape<Types, Shape>,
) {
  return builder.objectRef<Shape>(name).implement({ description, access: 'WITH_PARENT', fields });
}

/** What a mutation that was done answers, by the type that `successType` declared. */
export function done<const Name extends string, Fields extends object>(name: Name, fields: Fields): { readonly __typename: Name } & Fields {
  return { __typename: name, ...fields };
}

/** The argument by which a mutation has at most one effect. */
export const REQUEST_KEY_TEXT = 'At most 255 characters of your choice. The same key with the same input answers from the same effect.';

/** The field that tells whether an earlier call had the effect. */
export const REPLAYED_TEXT = 'Whether an earlier call with the same request key did it.';

/** A field of an edit that was given; null counts as left out. */
export function given<Name extends string, Value>(name: Name, value: Value | null | undefined): { readonly [N in Name]?: Value } {
  return value === null || value === undefined ? {} : ({ [name]: value } as { readonly [N in Name]?: Value });
}
