import graphqlPlugin from '@graphql-eslint/eslint-plugin';
import { ESLint, type Linter, type Rule } from 'eslint';

// The public rules for schemas (api.md: no violations of schema-recommended and schema-relay), with the exceptions that the
// contract needs: an id belongs to what can be fetched again, so values, pages, payloads and refusals have none.

const WITHOUT_ID = {
  types: [
    'BandBreak',
    'BundleComponent',
    'CategoryVolume',
    'FrequentSku',
    'GmvOverview',
    'GmvPoint',
    'GmvTotals',
    'HeldKeys',
    'ImportProblem',
    'InputField',
    'InputOption',
    'ListingChange',
    'ListingCheck',
    'ListingProblem',
    'ListingVersion',
    'LotCounts',
    'MarkupBreak',
    'Money',
    'OrderInputField',
    'OrderShare',
    'PageInfo',
    'PriceBreak',
    'PriceTableRow',
    'ProductAttribute',
    'PurchaseCall',
    'PurchaseStep',
    'Quote',
    'QuoteHop',
    'RoutePreview',
    'RoutedOffer',
    'SkuOffer',
    'SkuVolume',
    'StationGmv',
    'Stock',
    'StockForecast',
    'SupplierCategory',
    'SupplierCompany',
    'SupplierDue',
    'SupplierFile',
    'SupplierMember',
    'SupplierPayables',
    'SupplierStatementEntry',
    'SupplierVolume',
    'SupplyField',
    'SupplyKind',
    'SupplyOfferCost',
    'SupplyScorecard',
    'SupplySetting',
    'TouchedOrder',
    'UpstreamImportCount',
    'Wallet',
    'WebhookAttempt',
  ],
  suffixes: ['Edge', 'Connection', 'Payload', 'Event'],
};

/** The plugin's rules still ask `context.getSourceCode()`, which ESLint 10 no longer has. */
function rulesForThisEslint(): Record<string, Rule.RuleModule> {
  const rules = graphqlPlugin.rules as unknown as Record<string, Rule.RuleModule>;
  return Object.fromEntries(
    Object.entries(rules).map(([name, rule]) => [
      name,
      { ...rule, create: (context) => rule.create(Object.create(context, { getSourceCode: { value: () => context.sourceCode } })) },
    ]),
  );
}

/** Payloads and refusals are named for what happened, so the contract itself says which types they are. */
function lintConfig(sdl: string, facts: readonly string[]): Linter.Config[] {
  return [
    {
      files: ['**/*.graphql'],
      plugins: { '@graphql-eslint': { rules: rulesForThisEslint() } },
      languageOptions: { parser: graphqlPlugin.parser as never, parserOptions: { graphQLConfig: { schema: sdl } } },
      rules: {
        ...(graphqlPlugin.configs['flat/schema-recommended'].rules as Linter.RulesRecord),
        ...(graphqlPlugin.configs['flat/schema-relay'].rules as Linter.RulesRecord),
        '@graphql-eslint/relay-edge-types': [
          'error',
          { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false },
        ],
        '@graphql-eslint/strict-id-in-types': [
          'error',
          {
            acceptedIdNames: ['id'],
            acceptedIdTypes: ['ID'],
            exceptions: { types: [...new Set([...WITHOUT_ID.types, ...facts])], suffixes: WITHOUT_ID.suffixes },
          },
        ],
        '@graphql-eslint/require-description': [
          'error',
          {
            types: true,
            DirectiveDefinition: true,
            rootField: true,
            FieldDefinition: true,
            InputValueDefinition: true,
            EnumValueDefinition: true,
          },
        ],
      },
    },
  ];
}

/** Lints a contract; `facts` are the types that are an outcome and not a thing. Each violation is a line. */
export async function lintContract(sdl: string, facts: readonly string[]): Promise<string[]> {
  const eslint = new ESLint({ overrideConfigFile: true, overrideConfig: lintConfig(sdl, facts) });
  const results = await eslint.lintText(sdl, { filePath: 'schema/schema.graphql' });
  const lines = sdl.split('\n');
  return results
    .flatMap(({ messages }) => messages)
    .filter(({ line, ruleId }) => !(ruleId === '@graphql-eslint/relay-edge-types' && isRowOfTable(lines, line)))
    .map(({ line, ruleId, message }) => `${line}: ${message} (${ruleId ?? 'parser'})`);
}

/**
 * Rows that are nothing that has an id to be fetched by again, as the rule wants of a node: prices for one target, what a lot's decision
 * touches, the entries of a supplier's own statement.
 */
const ROWS = ['PriceTableRow', 'TouchedOrder', 'SupplierStatementEntry'];

function isRowOfTable(lines: readonly string[], line: number): boolean {
  const type = lines.slice(0, line).findLast((each) => each.startsWith('type '));
  return ROWS.some((row) => type === `type ${row}Edge {`);
}
