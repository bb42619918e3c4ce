import type { ObjectRef } from '@pothos/core';
import { builder, type Types } from './builder.ts';

/** Declares the union of a success and its refusals; every member says its type by `__typename`. */
export function resultUnion<Member extends ObjectRef<Types, { readonly __typename: string }>>(
  name: string,
  description: string,
  types: Member[],
) {
  return builder.unionType(name, { description, types, resolveType: (value) => (value as { readonly __typename: string }).__typename });
}
