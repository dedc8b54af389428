/** The log of a run: history and live tail in one virtual list, filters in the URL. */
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDownToLine, Download, WrapText } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { send } from "@/api/fetch";
import { usePatchSearch, useSearchState } from "@/app/search";
import { useKeys } from "@/app/use-keys";
import { graphql } from "@/gql";
import { setPrefs, usePrefs } from "@/lib/prefs";
import { absolute, clockTime, count as countText } from "@/lib/time";
import { Ansi } from "./ansi";
import { cx, IconButton, inputClass, Problem, Skeleton } from "./basics";
import { type Line, LOG_COUNT, useLogSource } from "./log-source";
import { usePaged } from "./paged";

const LOG_PLACE = graphql(`
  query LogPlace($id: uuid!) { log_by_pk(id: $id) { id timestamp flow_run_id } }
`);

const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];
const PAGE = 500;
const COLOUR: Record<string, string> = { ERROR: "text-bad", CRITICAL: "text-bad", WARNING: "text-late" };

interface Props {
  runId: string;
  taskRunId?: string;
  /** Only lines of this task of the flow, with all its mapped children. */
  taskId?: string;
  className?: string;
}

export function Logs({ runId, taskRunId, taskId, className }: Props) {
  const [level, setLevel] = useSearchState("level");
  const [text, setText] = useSearchState("find");
  const [line, setLine] = useSearchState("line");
  const patch = usePatchSearch();
  const { wrapLogs } = usePrefs();
  const [typed, setTyped] = useState(text);
  const input = useRef<HTMLInputElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const scrolled = useRef(0);
  const [follows, setFollows] = useState(true);
  const [seen, setSeen] = useState(0);
  const [open, setOpen] = useState<Set<string>>(() => new Set());

  const where = useMemo(
    () => ({
      flow_run_id: { _eq: runId },
      ...(taskRunId ? { task_run_id: { _eq: taskRunId } } : {}),
      ...(taskId ? { task_run: { task_id: { _eq: taskId } } } : {}),
      ...(level ? { level: { _in: LEVELS.slice(LEVELS.indexOf(level)) } } : {}),
    }),
    [runId, taskRunId, taskId, level],
  );
  const live = [`log:${runId}`];
  const source = useLogSource(where, text, live);
  const total = source.total;
  const paged = usePaged<Line>({
    name: ["log", where, text, source.searched],
    count: total,
    size: PAGE,
    load: source.load,
    live,
    isAppended: true,
  });
  const rows = useVirtualizer({
    count: total,
    getScrollElement: () => box.current,
    estimateSize: () => 20,
    overscan: 20,
    getItemKey: (index) => index,
  });
  const items = rows.getVirtualItems();
  const size = rows.getTotalSize();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? PAGE - 1;
  useEffect(() => paged.show(first, last), [first, last]);

  // The end stays in sight until the reader scrolls up; a linked line is shown instead.
  useEffect(() => {
    if (follows && !line && total > 0) {
      rows.scrollToIndex(total - 1, { align: "end" });
      setSeen(total);
    }
  }, [total, follows, line, size]);

  useEffect(() => {
    if (!line || text) return;
    let isCurrent = true;
    void (async () => {
      const found = (await send(LOG_PLACE, { id: line })).log_by_pk;
      if (!found || !isCurrent) return;
      const before = await send(LOG_COUNT, { where: { ...where, timestamp: { _lt: found.timestamp } } });
      if (!isCurrent) return;
      setFollows(false);
      rows.scrollToIndex(before.log_aggregate.aggregate?.count ?? 0, { align: "center" });
    })();
    return () => {
      isCurrent = false;
    };
  }, [line, where, text]);

  useEffect(() => {
    const timer = setTimeout(() => typed !== text && setText(typed), 250);
    return () => clearTimeout(timer);
  }, [typed]);

  useKeys({
    f: () => input.current?.focus(),
    w: () => setPrefs({ wrapLogs: !wrapLogs }),
    G: () => follow(),
  });

  function follow() {
    patch({ line: undefined });
    setFollows(true);
    rows.scrollToIndex(total - 1, { align: "end" });
    setSeen(total);
  }

  function onScroll() {
    const element = box.current;
    if (!element) return;
    const atEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 40;
    // Rows that are measured move the end away; only a reader moves up.
    if (atEnd) {
      setSeen(total);
      setFollows(!line);
    } else if (element.scrollTop < scrolled.current - 2) setFollows(false);
    scrolled.current = element.scrollTop;
  }

  async function download() {
    const parts: string[] = [];
    for (let offset = 0; offset < total; offset += 10_000) {
      const found = await source.load(offset, 10_000);
      for (const one of found)
        parts.push(`${one.timestamp} ${one.level ?? ""} ${one.name ?? ""} | ${one.message ?? ""}\n`);
    }
    const url = URL.createObjectURL(new Blob(parts, { type: "text/plain" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = `run-${runId}.log`;
    link.click();
    URL.revokeObjectURL(url);
  }

  return (
    <section aria-label="Logs" className={cx("flex min-h-0 min-w-0 flex-col", className)}>
      <div className="flex shrink-0 items-center gap-2 border-b border-line p-2">
        <select
          aria-label="Least level"
          className={cx(inputClass, "!w-auto shrink-0")}
          value={level}
          onChange={(event) => setLevel(event.target.value)}
        >
          <option value="">all levels</option>
          {LEVELS.slice(1).map((one) => (
            <option key={one} value={one}>
              {one.toLowerCase()}
            </option>
          ))}
        </select>
        <input
          ref={input}
          aria-label="Find in the log"
          placeholder="find"
          className={inputClass}
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        <span className="shrink-0 text-xs text-muted">
          {source.searched < 1 ? `${Math.floor(source.searched * 100)} % searched, ` : ""}
          {countText(total)} lines
        </span>
        <IconButton
          label="Wrap long lines"
          aria-pressed={wrapLogs}
          onClick={() => setPrefs({ wrapLogs: !wrapLogs })}
          className={wrapLogs ? "bg-hover" : ""}
        >
          <WrapText size={14} />
        </IconButton>
        <IconButton label="Download" onClick={() => void download()} disabled={total === 0}>
          <Download size={14} />
        </IconButton>
      </div>
      <div className="relative min-h-0 flex-1">
        <div
          ref={box}
          onScroll={onScroll}
          tabIndex={0}
          role="log"
          aria-label="Log lines"
          className="absolute inset-0 overflow-auto font-mono text-xs leading-5"
        >
          {(source.error ?? paged.error) ? (
            <div className="font-sans">
              <Problem error={(source.error ?? paged.error)!} />
              {text && (
                <p className="px-4 text-sm text-muted">
                  This log is long. Choose a task or a level first, then there is less to look through.
                </p>
              )}
            </div>
          ) : source.isPending ? (
            <Skeleton rows={8} height={20} />
          ) : total === 0 ? (
            <p className="p-6 text-center font-sans text-sm text-muted">
              {level || text ? "No line matches." : "Nothing was logged yet. Lines appear here as they come."}
            </p>
          ) : (
            <div
              style={{ height: size, position: "relative", minWidth: wrapLogs ? undefined : "max-content" }}
            >
              {items.map((item) => (
                <div
                  key={item.key}
                  ref={rows.measureElement}
                  data-index={item.index}
                  style={{
                    position: "absolute",
                    top: 0,
                    left: 0,
                    width: "100%",
                    transform: `translateY(${item.start}px)`,
                  }}
                >
                  <LogLine
                    line={paged.row(item.index)}
                    find={text}
                    isLinked={paged.row(item.index)?.id === line}
                    isOpen={
                      // What somebody came for is open: the linked line, and tracebacks of one task run.
                      open.has(paged.row(item.index)?.id ?? "") !==
                      ((taskRunId !== undefined && total < 200) || paged.row(item.index)?.id === line)
                    }
                    wraps={wrapLogs}
                    onLink={(id) => setLine(id === line ? undefined : id)}
                    onToggle={(id) =>
                      setOpen((before) => {
                        const after = new Set(before);
                        if (!after.delete(id)) after.add(id);
                        return after;
                      })
                    }
                  />
                </div>
              ))}
            </div>
          )}
        </div>
        {!follows && total > 0 && (
          <button
            type="button"
            onClick={follow}
            className="absolute bottom-3 right-5 inline-flex items-center gap-1.5 rounded-full border border-line-strong bg-raised px-3 py-1 text-xs shadow-md hover:bg-hover"
          >
            <ArrowDownToLine size={12} /> follow
            {total > seen && seen > 0 ? ` · ${countText(total - seen)} new` : ""}
          </button>
        )}
      </div>
    </section>
  );
}

interface LineProps {
  line: Line | undefined;
  find: string;
  isLinked: boolean;
  isOpen: boolean;
  wraps: boolean;
  onLink: (id: string) => void;
  onToggle: (id: string) => void;
}

function LogLine({ line, find, isLinked, isOpen, wraps, onLink, onToggle }: LineProps) {
  if (!line) return <div className="h-5" />;
  const message = line.message ?? "";
  const cut = message.indexOf("\n");
  const head = cut < 0 ? message : message.slice(0, cut);
  const tail = cut < 0 ? "" : message.slice(cut + 1);
  const at = Date.parse(line.timestamp);
  const isTraceback = tail.startsWith("Traceback");
  const shown = isOpen || (find !== "" && tail.toLowerCase().includes(find.toLowerCase()));
  return (
    <div className={cx("flex gap-3 px-3 hover:bg-panel", isLinked && "bg-late/20")}>
      <button
        type="button"
        className="shrink-0 select-none self-start text-muted hover:underline"
        title={`${absolute(at)}; link to this line`}
        onClick={() => onLink(line.id)}
      >
        {clockTime(at, true)}
      </button>
      <span className={cx("w-14 shrink-0 max-sm:hidden", COLOUR[line.level ?? ""] ?? "text-muted")}>
        {line.level}
      </span>
      <span className="w-28 shrink-0 truncate text-muted max-lg:hidden" title={line.name ?? ""}>
        {(line.name ?? "").replace(/^prefect\./, "")}
      </span>
      <span
        className={cx(
          "min-w-0 flex-1",
          wraps ? "whitespace-pre-wrap break-words" : "whitespace-pre",
          line.level === "ERROR" || line.level === "CRITICAL" ? "text-bad" : "",
        )}
      >
        <Ansi text={head} find={find} />
        {tail && (
          <>
            {" "}
            <button
              type="button"
              aria-expanded={shown}
              className="whitespace-nowrap text-muted hover:text-text"
              onClick={() => onToggle(line.id)}
            >
              {shown ? "▾" : "▸"} {isTraceback ? "traceback" : "more"} ({tail.split("\n").length} lines)
            </button>
            {shown && (
              <span className="block text-text">
                <Ansi text={tail} find={find} />
              </span>
            )}
          </>
        )}
      </span>
    </div>
  );
}
