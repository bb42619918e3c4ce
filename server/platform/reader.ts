/** Who reads: one network and one party of it. An accounts' Viewer is one. */
export type Reader = {
  readonly networkId: string;
  readonly party: { readonly kind: 'STATION'; readonly stationId: string } | { readonly kind: 'SUPPLIER'; readonly supplierId: string };
};
