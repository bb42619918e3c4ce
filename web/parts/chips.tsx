/** Filter chips: one of a few, its state in the URL of the page that owns it. */
export function Chips<Value extends string>(props: {
  label: string;
  options: { value: Value; label: string }[];
  value: Value;
  onChange: (value: Value) => void;
}) {
  return (
    <fieldset className="chips">
      <legend className="sr-only">{props.label}</legend>
      {props.options.map((option) => (
        <button
          type="button"
          key={option.value}
          className="chip"
          aria-pressed={option.value === props.value}
          onClick={() => props.onChange(option.value)}
        >
          {option.label}
        </button>
      ))}
    </fieldset>
  );
}
