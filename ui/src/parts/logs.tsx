/** The log of a run: history and live tail in one virtual list, filters in the URL. */
import { useQuery } from "@tanstack/react-query";
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDownToLine } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { currentTenantId } from "@/api/fetch";
import { usePatchSearch, useSearchState } from "@/app/search";
import { useKeys } from "@/app/use-keys";
import { setPrefs, usePrefs } from "@/lib/prefs";
import { count as countText } from "@/lib/time";
import { cx, Problem, Skeleton } from "./basics";
import { LEVELS, LogBar } from "./log-bar";
import { LogLine } from "./log-line";
import { type Line, type LogSource, placeOf, useLogSource } from "./log-source";
import { usePaged } from "./paged";

const PAGE = 500;

interface Props {
  runId: string;
  taskRunId?: string;
  /** Only lines of this task of the flow, with all its mapped children. */
  taskId?: string;
  /** Tasks to choose from. */
  tasks?: { id: string; taskId: string; label: string }[];
  /** The task that is pointed at elsewhere, and the one whose line is pointed at here. */
  hovered?: string;
  onHover?: (taskId: string | undefined) => void;
  className?: string;
}

export function Logs({ runId, taskRunId, taskId, tasks, hovered, onHover, className }: Props) {
  const [level, setLevel] = useSearchState("level");
  const [text, setText] = useSearchState("find");
  const [line, setLine] = useSearchState("line");
  const [logger, setLogger] = useSearchState("logger");
  const [inContext, setInContext] = useSearchState("context");
  const [hit, setHit] = useSearchState("hit");
  const patch = usePatchSearch();
  const { wrapLogs } = usePrefs();
  const [typed, setTyped] = useState(text);
  const input = useRef<HTMLInputElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const scrolled = useRef(0);
  const [follows, setFollows] = useState(true);
  const [seen, setSeen] = useState(0);
  const [open, setOpen] = useState<Set<string>>(() => new Set());

  const taskOf = useMemo(() => new Map((tasks ?? []).map((one) => [one.id, one.taskId])), [tasks]);
  const where = useMemo(
    () => ({
      flow_run_id: { _eq: runId },
      ...(taskRunId ? { task_run_id: { _eq: taskRunId } } : {}),
      ...(taskId ? { task_run: { task_id: { _eq: taskId } } } : {}),
      ...(level ? { level: { _in: LEVELS.slice(LEVELS.indexOf(level)) } } : {}),
      ...(logger ? { name: { _ilike: `%${logger.replace(/[\\%_]/g, (sign) => `\\${sign}`)}%` } } : {}),
    }),
    [runId, taskRunId, taskId, level, logger],
  );
  const live = [`log:${runId}`];
  const matches = useLogSource(where, text, live);
  const everything = useLogSource(where, "", live);
  const source = inContext ? everything : matches;
  const total = source.total;
  const paged = usePaged<Line>({
    name: ["log", where, inContext ? "" : text, source.searched],
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
    if (!line || (text && !inContext)) return;
    let isCurrent = true;
    void placeOf(line, where).then((place) => {
      if (place === undefined || !isCurrent) return;
      setFollows(false);
      rows.scrollToIndex(place, { align: "center" });
    });
    return () => {
      isCurrent = false;
    };
  }, [line, where, text, inContext]);

  /** The match that is looked at, from 1; 0 before the first. */
  const at = Math.min(Number(hit) || 0, matches.total);
  const found = useHit(matches, text ? at : 0);
  useEffect(() => {
    if (!text || at < 1 || matches.total === 0) return;
    setFollows(false);
    if (!inContext) rows.scrollToIndex(at - 1, { align: "center" });
    else if (found && found.id !== line) setLine(found.id);
  }, [at, text, inContext, found?.id, matches.total === 0]);

  function jump(by: number) {
    if (!text || matches.total === 0) return;
    const next = at + by;
    setHit(String(next < 1 ? matches.total : next > matches.total ? 1 : next));
  }

  useEffect(() => {
    const timer = setTimeout(() => {
      if (typed === text) return;
      setText(typed || undefined);
      patch({ hit: undefined, ...(inContext ? { line: undefined } : {}) });
    }, 250);
    return () => clearTimeout(timer);
  }, [typed]);

  useKeys({
    f: () => input.current?.focus(),
    n: () => jump(1),
    N: () => jump(-1),
    w: () => setPrefs({ wrapLogs: !wrapLogs }),
    G: () => follow(),
  });

  function follow() {
    patch({ line: undefined, hit: undefined });
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
      <LogBar
        level={level}
        onLevel={setLevel}
        logger={logger}
        onLogger={setLogger}
        tasks={tasks}
        taskId={taskId}
        onTask={(id) => patch({ task: id })}
        input={input}
        typed={typed}
        onTyped={setTyped}
        onJump={jump}
        at={text ? at : 0}
        isSearch={text !== ""}
        searched={matches.searched}
        nMatches={matches.total}
        nLines={everything.total}
        isInContext={inContext !== ""}
        onContext={() => {
          setInContext(inContext ? undefined : "1");
          if (inContext) patch({ line: undefined });
        }}
        onDownload={() => void download()}
      />
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
              {level || text || logger || taskId
                ? "No line matches."
                : "Nothing was logged yet. Lines appear here as they come."}
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
                  onMouseEnter={() => onHover?.(taskOf.get(paged.row(item.index)?.task_run_id ?? ""))}
                  onMouseLeave={() => onHover?.(undefined)}
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
                    isPointed={
                      hovered !== undefined &&
                      taskOf.get(paged.row(item.index)?.task_run_id ?? "") === hovered
                    }
                    isLinked={paged.row(item.index)?.id === (line || (at > 0 ? found?.id : undefined))}
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

/** The line of a match; 0 is none. */
function useHit(matches: LogSource, at: number): Line | undefined {
  const { data } = useQuery({
    queryKey: [currentTenantId(), "log hit", matches.name, at],
    queryFn: async () => (await matches.load(at - 1, 1))[0] ?? null,
    enabled: at > 0 && at <= matches.total,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return at > 0 ? (data ?? undefined) : undefined;
}
