/** What stands above a log: its filters, the search with its matches, and what to do with all of it. */
import { ChevronDown, ChevronUp, Download, ListFilter, WrapText } from "lucide-react";
import { type RefObject, useId } from "react";
import { setPrefs, usePrefs } from "@/lib/prefs";
import { count } from "@/lib/time";
import { cx, IconButton, inputClass } from "./basics";

export const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];
/** Loggers that every run has; those of tasks have the names of the tasks. */
const LOGGERS = ["FlowRunner", "TaskRunner", "agent", "server"];

interface Props {
  level: string;
  onLevel: (level: string) => void;
  logger: string;
  onLogger: (logger: string | undefined) => void;
  tasks?: { taskId: string; label: string }[];
  taskId?: string;
  onTask: (id: string | undefined) => void;
  input: RefObject<HTMLInputElement | null>;
  typed: string;
  onTyped: (text: string) => void;
  onJump: (by: number) => void;
  /** The match that is looked at, from 1. */
  at: number;
  isSearch: boolean;
  searched: number;
  nMatches: number;
  nLines: number;
  /** Matches are marked among all lines; otherwise they are the only lines. */
  isInContext: boolean;
  onContext: () => void;
  onDownload: () => void;
}

export function LogBar(props: Props) {
  const { wrapLogs } = usePrefs();
  const loggers = useId();
  const { isSearch, nMatches, nLines, at } = props;
  return (
    <div className="@container shrink-0 border-b border-line p-2">
      <div className="flex flex-wrap items-center gap-2">
        <select
          aria-label="Least level"
          className={cx(inputClass, "!w-auto shrink-0")}
          value={props.level}
          onChange={(event) => props.onLevel(event.target.value)}
        >
          <option value="">all levels</option>
          {LEVELS.slice(1).map((one) => (
            <option key={one} value={one}>
              {one.toLowerCase()}
            </option>
          ))}
        </select>
        {props.tasks && (
          <select
            aria-label="Task of the lines"
            className={cx(inputClass, "!w-28 shrink-0")}
            value={props.taskId ?? ""}
            onChange={(event) => props.onTask(event.target.value || undefined)}
          >
            <option value="">all tasks</option>
            {props.tasks.map((one) => (
              <option key={one.taskId} value={one.taskId}>
                {one.label}
              </option>
            ))}
          </select>
        )}
        <input
          aria-label="Logger of the lines"
          placeholder="logger"
          list={loggers}
          className={cx(inputClass, "!w-24 shrink-0")}
          value={props.logger}
          onChange={(event) => props.onLogger(event.target.value || undefined)}
        />
        <datalist id={loggers}>
          {LOGGERS.map((one) => (
            <option key={one} value={one} />
          ))}
        </datalist>
        <div className="order-last flex flex-1 basis-full items-center gap-1 @3xl:order-none @3xl:basis-0">
          <input
            ref={props.input}
            aria-label="Find in the log"
            placeholder="find"
            className={inputClass}
            value={props.typed}
            onChange={(event) => props.onTyped(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter") props.onJump(event.shiftKey ? -1 : 1);
              if (event.key === "Escape") event.currentTarget.blur();
            }}
          />
          {isSearch && (
            <>
              <IconButton
                label="Previous match (N)"
                disabled={nMatches === 0}
                onClick={() => props.onJump(-1)}
              >
                <ChevronUp size={14} />
              </IconButton>
              <IconButton label="Next match (n)" disabled={nMatches === 0} onClick={() => props.onJump(1)}>
                <ChevronDown size={14} />
              </IconButton>
            </>
          )}
        </div>
        <span className="ml-auto shrink-0 text-xs text-muted tabular-nums" data-testid="log-count">
          {!isSearch
            ? `${count(nLines)} lines`
            : `${props.searched < 1 ? `${Math.floor(props.searched * 100)} % searched, ` : ""}${
                at > 0 ? `${count(at)} of ` : ""
              }${count(nMatches)} ${nMatches === 1 ? "match" : "matches"}`}
        </span>
        <div className="flex shrink-0">
          {isSearch && (
            <IconButton
              label="Only lines that match"
              aria-pressed={!props.isInContext}
              onClick={props.onContext}
              className={props.isInContext ? "" : "bg-hover"}
            >
              <ListFilter size={14} />
            </IconButton>
          )}
          <IconButton
            label="Wrap long lines"
            aria-pressed={wrapLogs}
            onClick={() => setPrefs({ wrapLogs: !wrapLogs })}
            className={wrapLogs ? "bg-hover" : ""}
          >
            <WrapText size={14} />
          </IconButton>
          <IconButton label="Download" onClick={props.onDownload} disabled={nLines === 0}>
            <Download size={14} />
          </IconButton>
        </div>
      </div>
    </div>
  );
}
