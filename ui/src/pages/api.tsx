import { json } from "@codemirror/lang-json";
import { graphql as spoken } from "cm6-graphql";
import { buildClientSchema, type GraphQLSchema, getIntrospectionQuery, isObjectType } from "graphql";
import { Play } from "lucide-react";
import { useEffect, useMemo, useState } from "react";
import { sendText } from "@/api/fetch";
import { useTitle } from "@/app/crumbs";
import { Button, inputClass } from "@/parts/basics";
import { Editor } from "@/parts/editor";

const FIRST = `# Ctrl+Enter runs it, Ctrl+Space completes.
query {
  flow_run(limit: 5, order_by: {created: desc}) {
    name
    state
    flow { name }
  }
}
`;
const KEPT = "prefect.api";
const ANSWER = json();

function kept(): string {
  try {
    return sessionStorage.getItem(KEPT) ?? FIRST;
  } catch {
    return FIRST;
  }
}

export function ApiPage() {
  useTitle([{ text: "Interactive API" }]);
  const [query, setQuery] = useState(kept);
  const [variables, setVariables] = useState("{}");
  const [answer, setAnswer] = useState("");
  const [took, setTook] = useState<number>();
  const [schema, setSchema] = useState<GraphQLSchema>();
  const [isBusy, setBusy] = useState(false);

  useEffect(() => {
    void sendText(getIntrospectionQuery(), {}).then(
      (found: any) => found.data && setSchema(buildClientSchema(found.data)),
    );
  }, []);
  const language = useMemo(() => (schema ? spoken(schema) : spoken()), [schema]);

  async function run() {
    setBusy(true);
    const started = performance.now();
    try {
      sessionStorage.setItem(KEPT, query);
    } catch {
      // it is not kept
    }
    try {
      setAnswer(JSON.stringify(await sendText(query, JSON.parse(variables || "{}")), null, 2));
    } catch (error) {
      setAnswer(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }, null, 2));
    }
    setTook(performance.now() - started);
    setBusy(false);
  }

  return (
    <div className="grid grid-cols-1 h-full gap-3 p-3 max-lg:auto-rows-[24rem] lg:grid-cols-[minmax(0,1fr)_minmax(0,1fr)_18rem]">
      <div className="flex min-h-0 flex-col gap-2">
        <div className="flex items-center gap-2">
          <Button kind="primary" icon={<Play size={14} />} onClick={() => void run()} disabled={isBusy}>
            Run
          </Button>
          {took !== undefined && <span className="text-sm text-muted">{Math.round(took)} ms</span>}
        </div>
        <Editor
          label="GraphQL document"
          className="flex-[3]"
          value={query}
          onChange={setQuery}
          language={language}
          onSubmit={() => void run()}
        />
        <Editor
          label="Variables as JSON"
          className="flex-1"
          value={variables}
          onChange={setVariables}
          onSubmit={() => void run()}
        />
      </div>
      <Editor
        label="Answer"
        className="min-h-0"
        value={answer}
        onChange={() => {}}
        readOnly
        language={ANSWER}
      />
      <Docs schema={schema} />
    </div>
  );
}

/** The fields of the API and what they say about themselves. */
function Docs({ schema }: { schema: GraphQLSchema | undefined }) {
  const [text, setText] = useState("");
  const [path, setPath] = useState<string>();
  if (!schema) return <p className="text-sm text-muted">Reading the schema…</p>;
  const type = path ? schema.getType(path) : undefined;
  const fields = isObjectType(type)
    ? Object.values(type.getFields())
    : [
        ...Object.values(schema.getQueryType()?.getFields() ?? {}),
        ...Object.values(schema.getMutationType()?.getFields() ?? {}),
      ];
  const lower = text.toLowerCase();
  return (
    <aside aria-label="Documentation of the API" className="flex min-h-0 flex-col gap-2 text-sm">
      <div className="flex gap-2">
        <input
          aria-label="Find a field"
          placeholder="find a field"
          className={inputClass}
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        {path && (
          <button
            type="button"
            className="shrink-0 text-link hover:underline"
            onClick={() => setPath(undefined)}
          >
            root
          </button>
        )}
      </div>
      {path && <p className="font-mono text-xs">{path}</p>}
      <dl className="min-h-0 flex-1 overflow-y-auto" tabIndex={0}>
        {fields
          .filter((field) => field.name.toLowerCase().includes(lower))
          .map((field) => (
            <div key={field.name} className="border-b border-line py-1.5">
              <dt className="break-all font-mono text-xs">
                {field.name}:{" "}
                <button
                  type="button"
                  className="text-link hover:underline"
                  onClick={() => setPath(String(field.type).replace(/[[\]!]/g, ""))}
                >
                  {String(field.type)}
                </button>
              </dt>
              {field.description && <dd className="text-xs text-muted">{field.description}</dd>}
            </div>
          ))}
      </dl>
    </aside>
  );
}
