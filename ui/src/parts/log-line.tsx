/** One line of a log: its traceback folded, its time a link to it. */
import { absolute, clockTime } from "@/lib/time";
import { Ansi } from "./ansi";
import { cx } from "./basics";
import type { Line } from "./log-source";

const COLOUR: Record<string, string> = { ERROR: "text-bad", CRITICAL: "text-bad", WARNING: "text-late" };

interface LineProps {
  line: Line | undefined;
  find: string;
  isLinked: boolean;
  isPointed: boolean;
  isOpen: boolean;
  wraps: boolean;
  onLink: (id: string) => void;
  onToggle: (id: string) => void;
}

export function LogLine({ line, find, isLinked, isPointed, isOpen, wraps, onLink, onToggle }: LineProps) {
  if (!line) return <div className="h-5" />;
  const message = line.message ?? "";
  const cut = message.indexOf("\n");
  const head = cut < 0 ? message : message.slice(0, cut);
  const tail = cut < 0 ? "" : message.slice(cut + 1);
  const at = Date.parse(line.timestamp);
  const isTraceback = tail.startsWith("Traceback");
  const shown = isOpen || (find !== "" && tail.toLowerCase().includes(find.toLowerCase()));
  return (
    <div
      data-pointed={isPointed || undefined}
      className={cx(
        "flex gap-3 px-3 hover:bg-panel",
        isPointed && "bg-hover",
        isLinked && "bg-late/20 hover:bg-late/20",
      )}
    >
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
