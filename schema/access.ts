import SchemaBuilder, {
  BasePlugin,
  type BuildCache,
  type FieldNullability,
  type InputFieldMap,
  type PothosOutputFieldConfig,
  type PothosTypeConfig,
  type SchemaTypes,
  type TypeParam,
} from '@pothos/core';
import type { GraphQLFieldResolver } from 'graphql';
import type { Permission, Viewer } from '#server/accounts/rules.ts';
import type { Context } from './context.ts';
import { forbidden, unauthenticated, wrongParty } from './errors.ts';

// Default deny. Every object type and every field of a root type says who may see it, or the schema does not build; the
// declaration is checked before the resolver, for subscriptions before every event. What a party may see of a row (its
// subtree, its chain) is decided by the reads of the slices; here stands what a kind of party and a permission may ask at all.

/**
 * Who may see a type or a field. ANYBODY: also without signing in. SIGNED_IN: a person, with or without a party, or a program.
 * WITH_PARENT (types): a value that is seen by whoever sees the field that leads to it. An object: a viewer that acts for such a
 * party and holds the permission.
 */
export type Access = 'ANYBODY' | 'SIGNED_IN' | 'WITH_PARENT' | PartyAccess;

/** A viewer acting for a kind of party, holding a permission where one is named. */
export interface PartyAccess {
  readonly party: 'ANY' | 'STATION' | 'SUPPLIER';
  readonly permission?: Permission;
}

/** Who may see a field of a row: what Access says, and `only` those for whom it answers true. Denied is null, so such a field is nullable. */
export interface RowAccess<Row> extends PartyAccess {
  readonly only?: (row: Row, context: Context) => boolean | Promise<boolean>;
}

declare global {
  export namespace PothosSchemaTypes {
    interface Plugins<Types extends SchemaTypes> {
      access: AccessPlugin<Types>;
    }
    interface ObjectTypeOptions<Types extends SchemaTypes = SchemaTypes, Shape = unknown> {
      /** Who may see objects of this type. */
      access: Access;
    }
    interface ObjectFieldOptions<
      Types extends SchemaTypes,
      ParentShape,
      Type extends TypeParam<Types>,
      Nullable extends FieldNullability<Type>,
      Args extends InputFieldMap,
      ResolveReturnShape,
    > {
      /** Who may see this field, where it is narrower than its type. */
      access?: Access | RowAccess<ParentShape>;
    }
    interface QueryFieldOptions<
      Types extends SchemaTypes,
      Type extends TypeParam<Types>,
      Nullable extends FieldNullability<Type>,
      Args extends InputFieldMap,
      ResolveReturnShape,
    > {
      /** Who may ask this. */
      access: Access;
    }
    interface MutationFieldOptions<
      Types extends SchemaTypes,
      Type extends TypeParam<Types>,
      Nullable extends FieldNullability<Type>,
      Args extends InputFieldMap,
      ResolveReturnShape,
    > {
      /** Who may do this. */
      access: Access;
    }
    interface SubscriptionFieldOptions<
      Types extends SchemaTypes,
      Type extends TypeParam<Types>,
      Nullable extends FieldNullability<Type>,
      Args extends InputFieldMap,
      ResolveShape,
      ResolveReturnShape,
    > {
      /** Who may be told this. */
      access: Access;
    }
  }
}

const ROOT_KINDS: ReadonlySet<string> = new Set(['Query', 'Mutation', 'Subscription']);

class AccessPlugin<Types extends SchemaTypes> extends BasePlugin<Types> {
  readonly #accessOfType = new Map<string, Access>();

  override onTypeConfig(config: PothosTypeConfig): PothosTypeConfig {
    if (config.kind === 'Object') this.#accessOfType.set(config.name, declared(config.pothosOptions, config.name));
    return config;
  }

  override onOutputFieldConfig(config: PothosOutputFieldConfig<Types>): PothosOutputFieldConfig<Types> {
    const name = `${config.parentType}.${config.name}`;
    const access = accessOf(config.pothosOptions);
    if (ROOT_KINDS.has(config.kind)) declared(config.pothosOptions, name);
    if (typeof access === 'object' && 'only' in access && !config.type.nullable) {
      throw new Error(`${name} is hidden from some viewers, so it must be nullable`);
    }
    return config;
  }

  override wrapResolve(
    resolve: GraphQLFieldResolver<unknown, Types['Context'], object>,
    config: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> {
    const ofType = this.#accessOfType.get(config.parentType);
    const ofField = accessOf(config.pothosOptions);
    const isRoot = ROOT_KINDS.has(config.kind);
    if (!isRoot && isOpen(ofType) && isOpen(ofField)) return resolve;
    const answersNull = config.type.nullable === true && !isRoot;
    return (row, args, context, info) => {
      const viewing = context as Context;
      const denial = denialOf(ofType, viewing) ?? denialOf(ofField, viewing);
      if (denial !== null) {
        if (answersNull) return null;
        throw denial;
      }
      const only = typeof ofField === 'object' && 'only' in ofField ? ofField.only : undefined;
      if (only === undefined) return resolve(row, args, context, info);
      const allowed = only(row, viewing);
      if (typeof allowed === 'boolean') return allowed ? resolve(row, args, context, info) : null;
      return allowed.then((granted) => (granted ? resolve(row, args, context, info) : null));
    };
  }

  override wrapSubscribe(
    subscribe: GraphQLFieldResolver<unknown, Types['Context'], object> | undefined,
    config: PothosOutputFieldConfig<Types>,
  ): GraphQLFieldResolver<unknown, Types['Context'], object> | undefined {
    if (subscribe === undefined) return undefined;
    const access = accessOf(config.pothosOptions);
    return (root, args, context, info) => {
      const denial = denialOf(access, context as Context);
      if (denial !== null) throw denial;
      return subscribe(root, args, context, info);
    };
  }
}

/** The error that a viewer without this access meets; null when the access is granted. */
export function denialOf(access: Access | RowAccess<never> | undefined, context: Context): Error | null {
  if (access === undefined || access === 'ANYBODY' || access === 'WITH_PARENT') return null;
  const { viewer } = context;
  if (viewer === null && context.person === null) return unauthenticated();
  if (access === 'SIGNED_IN') return null;
  if (viewer === null) return wrongParty('Choose the party that you act for.');
  return partyDenial(access, viewer);
}

function partyDenial(access: PartyAccess, viewer: Viewer): Error | null {
  if (access.party !== 'ANY' && access.party !== viewer.party.kind) return wrongParty(`Only a ${access.party.toLowerCase()} may ask this.`);
  if (access.permission !== undefined && !viewer.permissions.has(access.permission)) return forbidden(access.permission);
  return null;
}

function isOpen(access: Access | RowAccess<unknown> | undefined): boolean {
  return access === undefined || access === 'ANYBODY' || access === 'WITH_PARENT';
}

function declared(options: object, name: string): Access {
  const access = accessOf(options);
  if (access === undefined) throw new Error(`${name} does not say who may see it: give it an access`);
  return access as Access;
}

function accessOf(options: object): Access | RowAccess<unknown> | undefined {
  return (options as { access?: Access | RowAccess<unknown> }).access;
}

/** The name under which the plugin is listed in a builder. */
export const accessPlugin = 'access';

SchemaBuilder.registerPlugin(accessPlugin, AccessPlugin as new (cache: BuildCache<SchemaTypes>) => AccessPlugin<SchemaTypes>);
