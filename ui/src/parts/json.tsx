/** Values as people read them. */
export function Json({ value }: { value: unknown }) {
  const isEmpty =
    value === null ||
    value === undefined ||
    (typeof value === "object" && Object.keys(value as object).length === 0);
  if (isEmpty) return <span className="text-muted">–</span>;
  return (
    <pre
      tabIndex={0}
      className="max-h-96 overflow-auto whitespace-pre-wrap break-words rounded-md border border-line bg-panel p-2 font-mono text-xs leading-5"
    >
      {typeof value === "string" ? value : JSON.stringify(value, null, 2)}
    </pre>
  );
}
