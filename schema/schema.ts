import { builder } from './builder.ts';
import './scalars.ts';
import './node.ts';

/** The contract, built. Building throws when a type or root field does not say who may see it. */
export const schema = builder.toSchema();
