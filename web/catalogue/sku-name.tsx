/** A SKU as people call it: the product, then the denomination. */
export function SkuName({ product, name, faceValue }: { product: string; name: string; faceValue?: string | null | undefined }) {
  return (
    <span className="sku-name">
      <span className="sku-product">{product}</span> <span className="sku-face">{name || faceValue}</span>
    </span>
  );
}
