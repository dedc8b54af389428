/** The small parts that all pages are made of. */
import { Tooltip } from "@base-ui/react/tooltip";
import { Check, Copy } from "lucide-react";
import { type ButtonHTMLAttributes, type ReactNode, useEffect, useState, useSyncExternalStore } from "react";
import { usePrefs } from "@/lib/prefs";
import { absolute, duration, relative } from "@/lib/time";

export const cx = (...parts: (string | false | null | undefined)[]): string =>
  parts.filter(Boolean).join(" ");

type Kind = "plain" | "primary" | "danger" | "quiet";

const KINDS: Record<Kind, string> = {
  plain: "border-line-strong bg-page hover:bg-hover",
  primary: "border-inverse bg-inverse text-on-inverse hover:opacity-85",
  danger: "border-bad text-bad bg-page hover:bg-hover",
  quiet: "border-transparent hover:bg-hover",
};

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  kind?: Kind;
  icon?: ReactNode;
}

export function Button({ kind = "plain", icon, children, className, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      {...rest}
      className={cx(
        "inline-flex h-8 items-center gap-1.5 whitespace-nowrap rounded-md border px-3 text-sm font-medium disabled:opacity-45",
        KINDS[kind],
        className,
      )}
    >
      {icon}
      {children}
    </button>
  );
}

export function IconButton({ label, children, className, ...rest }: ButtonProps & { label: string }) {
  return (
    <Tip text={label}>
      <button
        type="button"
        aria-label={label}
        {...rest}
        className={cx(
          "inline-flex size-8 items-center justify-center rounded-md text-muted hover:bg-hover hover:text-text disabled:opacity-45",
          className,
        )}
      >
        {children}
      </button>
    </Tip>
  );
}

export function Tip({ text, children }: { text: ReactNode; children: React.ReactElement }) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger delay={400} render={children} />
      <Tooltip.Portal>
        <Tooltip.Positioner sideOffset={6} className="z-50">
          <Tooltip.Popup className="max-w-sm rounded-md border border-line-strong bg-raised px-2 py-1 text-sm shadow-md">
            {text}
          </Tooltip.Popup>
        </Tooltip.Positioner>
      </Tooltip.Portal>
    </Tooltip.Root>
  );
}

// One timer for all clocks on the page.
let moment = Date.now();
const clocks = new Set<() => void>();
let ticking: ReturnType<typeof setInterval> | undefined;

function tick(): void {
  if (document.visibilityState !== "visible") return;
  moment = Date.now();
  for (const tell of clocks) tell();
}

function subscribeClock(tell: () => void): () => void {
  clocks.add(tell);
  ticking ??= setInterval(tick, 1000);
  return () => {
    clocks.delete(tell);
    if (clocks.size === 0) {
      clearInterval(ticking);
      ticking = undefined;
    }
  };
}

/** The time, renewed each second. */
export const useNow = (): number => useSyncExternalStore(subscribeClock, () => moment);

export function Time({ at, className }: { at: string | number | null | undefined; className?: string }) {
  const now = useNow();
  usePrefs();
  if (at === null || at === undefined) return <span className="text-muted">–</span>;
  const value = typeof at === "number" ? at : Date.parse(at);
  return (
    <time
      dateTime={new Date(value).toISOString()}
      title={absolute(value)}
      className={cx("whitespace-nowrap", className)}
    >
      {relative(value, now)}
    </time>
  );
}

/** How long something took, or has taken so far. */
export function Took({ from, to }: { from: string | null | undefined; to: string | null | undefined }) {
  if (!from) return <span className="text-muted">–</span>;
  if (to) return <span className="whitespace-nowrap">{duration(Date.parse(to) - Date.parse(from))}</span>;
  return <TookSoFar from={Date.parse(from)} />;
}

function TookSoFar({ from }: { from: number }) {
  const now = useNow();
  return (
    <span className="whitespace-nowrap">{duration(Math.floor(Math.max(0, now - from) / 1000) * 1000)}</span>
  );
}

export function Panel({
  title,
  aside,
  children,
  className,
}: {
  title?: ReactNode;
  aside?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={cx("min-w-0 rounded-md border border-line", className)}>
      {title && (
        <header className="flex min-h-10 items-center justify-between gap-3 border-b border-line px-3">
          <h2 className="text-sm font-semibold">{title}</h2>
          {aside}
        </header>
      )}
      {children}
    </section>
  );
}

export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [done, setDone] = useState(false);
  return (
    <IconButton
      label={done ? "Copied" : label}
      onClick={() => {
        void navigator.clipboard?.writeText(text).then(() => {
          setDone(true);
          setTimeout(() => setDone(false), 1500);
        });
      }}
    >
      {done ? <Check size={14} className="text-good" /> : <Copy size={14} />}
    </IconButton>
  );
}

export function Command({ text }: { text: string }) {
  return (
    <div className="flex items-start justify-between gap-2 rounded-md border border-line bg-panel py-1 pl-3 pr-1 text-left">
      <pre className="overflow-x-auto py-1.5 font-mono text-xs leading-5">{text}</pre>
      <CopyButton text={text} label="Copy command" />
    </div>
  );
}

/** A page with nothing to show yet: a sentence, a command, and a dot that turns green when it comes. */
export function Empty({ text, command, waits }: { text: ReactNode; command?: string; waits?: string }) {
  return (
    <div className="mx-auto flex max-w-xl flex-col gap-3 px-4 py-10 text-center text-muted">
      <p>{text}</p>
      {command && <Command text={command} />}
      {waits && (
        <p className="inline-flex items-center justify-center gap-2 text-sm">
          <span className="is-live size-2 rounded-full bg-late" /> {waits}
        </p>
      )}
    </div>
  );
}

/** Nothing for 300 ms, then bones of the right height: most answers are faster than that. */
export function Skeleton({ rows = 6, height = 36 }: { rows?: number; height?: number }) {
  const [shown, setShown] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setShown(true), 300);
    return () => clearTimeout(timer);
  }, []);
  return (
    <div aria-busy="true" style={{ height: rows * height }}>
      {shown &&
        Array.from({ length: rows }, (_, index) => (
          <div key={index} className="flex items-center border-b border-line px-3" style={{ height }}>
            <div className="h-2 rounded bg-hover" style={{ width: `${30 + ((index * 37) % 50)}%` }} />
          </div>
        ))}
    </div>
  );
}

export function Problem({ error }: { error: Error }) {
  return (
    <div role="alert" className="m-3 rounded-md border border-bad p-3 text-sm text-bad">
      {error.message}
    </div>
  );
}

export function Field({
  label,
  hint,
  error,
  children,
}: {
  label: ReactNode;
  hint?: ReactNode;
  error?: string;
  children: ReactNode;
}) {
  return (
    // biome-ignore lint/a11y/noLabelWithoutControl: the control is among the children
    <label className="flex flex-col gap-1 text-sm">
      <span className="font-medium">{label}</span>
      {children}
      {hint && <span className="text-xs text-muted">{hint}</span>}
      {error && (
        <span role="alert" className="text-xs text-bad">
          {error}
        </span>
      )}
    </label>
  );
}

export const inputClass =
  "h-8 w-full min-w-0 rounded-md border border-line-strong bg-page px-2 text-sm placeholder:text-muted";

export function Labels({ labels }: { labels: unknown }) {
  const list = Array.isArray(labels) ? labels.map(String) : [];
  if (list.length === 0) return <span className="text-muted">–</span>;
  return (
    <span className="inline-flex flex-wrap gap-1">
      {list.map((label) => (
        <span key={label} className="rounded border border-line px-1.5 font-mono text-xs text-muted">
          {label}
        </span>
      ))}
    </span>
  );
}

/** Pairs of a name and a value. */
export function Facts({ facts }: { facts: [ReactNode, ReactNode][] }) {
  return (
    <dl className="grid grid-cols-[minmax(7rem,auto)_1fr] items-baseline gap-x-4 gap-y-2 p-3 text-sm">
      {facts.map(([name, value], index) => (
        <div key={index} className="contents">
          <dt className="text-muted">{name}</dt>
          <dd className="min-w-0 break-words">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Id({ id }: { id: string }) {
  return (
    <span className="inline-flex items-center gap-1 font-mono text-xs">
      <span className="break-all">{id}</span>
      <CopyButton text={id} label="Copy id" />
    </span>
  );
}
