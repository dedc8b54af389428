/**
 * What changes on the server, as one stream for the whole tab.
 *
 * Queries say in their `meta.live` what they depend on: `flow_run`, or `flow_run:<id>`. When events come,
 * the queries that are on the screen and depend on them are read again, four times a second at most.
 * Without a stream they are polled; while the tab is hidden nothing is read.
 */
import type { Query, QueryClient } from "@tanstack/react-query";
import { at, headers } from "./fetch";

const TOPICS = "flow_run,flow_run_tasks,log,artifact,flow,agent,tenant,user,membership";
const GATHER_MS = 250;
/** A browser opens few connections to one server: tabs in the background must not hold them all. */
const SLEEP_AFTER_MS = 10_000;
const POLL_MS = 5_000;

export type Connection = "live" | "polling";

export class Live {
  private changed = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private abort: AbortController | undefined;
  private lastId: string | undefined;
  private sleep: ReturnType<typeof setTimeout> | undefined;
  private listeners = new Set<() => void>();
  private wake: (() => void) | undefined;
  connection: Connection = "polling";

  constructor(private readonly queries: QueryClient) {}

  start(): () => void {
    const onVisible = () => this.seen(document.visibilityState === "visible");
    document.addEventListener("visibilitychange", onVisible);
    const poll = setInterval(() => {
      if (this.connection === "polling" && document.visibilityState === "visible") this.all();
    }, POLL_MS);
    void this.run();
    return () => {
      document.removeEventListener("visibilitychange", onVisible);
      clearInterval(poll);
      this.abort?.abort();
      this.abort = undefined;
      this.wake?.();
    };
  }

  subscribe = (tell: () => void): (() => void) => {
    this.listeners.add(tell);
    return () => this.listeners.delete(tell);
  };

  private set(connection: Connection): void {
    if (connection === this.connection) return;
    this.connection = connection;
    for (const tell of this.listeners) tell();
  }

  private seen(isVisible: boolean): void {
    clearTimeout(this.sleep);
    if (!isVisible) {
      this.sleep = setTimeout(() => {
        this.abort?.abort();
        this.abort = undefined;
      }, SLEEP_AFTER_MS);
    } else if (!this.abort) {
      void this.run();
      this.all();
    } else this.wake?.();
  }

  /** Reads the stream, and comes back to it when it ends, later and later up to ten seconds. */
  private async run(): Promise<void> {
    const mine = new AbortController();
    this.abort = mine;
    let pause = 500;
    while (this.abort === mine) {
      try {
        const reply = await fetch(at(`events?topics=${TOPICS}`), {
          headers: { ...headers(), ...(this.lastId ? { "last-event-id": this.lastId } : {}) },
          signal: mine.signal,
        });
        if (!reply.ok || !reply.body) throw new Error(String(reply.status));
        if (this.connection === "polling" && this.lastId) this.all();
        this.set("live");
        pause = 500;
        await this.read(reply.body);
      } catch {
        // the server restarts, or the network is away: polling goes on meanwhile
      }
      if (this.abort !== mine) break;
      this.set("polling");
      await new Promise<void>((resolve) => {
        this.wake = resolve;
        setTimeout(resolve, pause);
      });
      pause = Math.min(pause * 2, 10_000);
    }
  }

  private async read(body: ReadableStream<Uint8Array>): Promise<void> {
    const reader = body.pipeThrough(new TextDecoderStream() as any).getReader();
    let text = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      text += value;
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) this.event(block);
    }
  }

  private event(block: string): void {
    let name = "";
    let data = "";
    for (const line of block.split("\n")) {
      if (line.startsWith("event: ")) name = line.slice(7);
      else if (line.startsWith("data: ")) data += line.slice(6);
      else if (line.startsWith("id: ")) this.lastId = line.slice(4);
    }
    if (name === "reset") {
      this.all();
      return;
    }
    if (!name || name === "hello") return;
    this.changed.add(name);
    for (const id of JSON.parse(data).ids as string[]) this.changed.add(`${name}:${id}`);
    this.timer ??= setTimeout(() => this.flush(), GATHER_MS);
  }

  private flush(): void {
    this.timer = undefined;
    const changed = this.changed;
    this.changed = new Set();
    void this.queries.invalidateQueries({
      predicate: (query: Query) => {
        const live = query.meta?.live as string[] | undefined;
        return live?.some((what) => changed.has(what)) ?? false;
      },
    });
  }

  private all(): void {
    void this.queries.invalidateQueries({ predicate: (query) => Boolean(query.meta?.live) });
  }
}
