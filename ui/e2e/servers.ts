/** Real servers for tests: started, asked, killed. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BIN = process.env.PREFECT ?? join(import.meta.dirname, "..", "..", ".venv", "bin", "prefect");

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

export class Server {
  private process: ChildProcess | undefined;

  readonly directory: string;
  readonly port: number;
  private readonly options: string[];

  constructor(directory: string, port: number, options: string[] = []) {
    this.directory = directory;
    this.port = port;
    this.options = options;
  }

  static async make(options: string[] = []): Promise<Server> {
    return new Server(mkdtempSync(join(tmpdir(), "prefect-ui-")), await freePort(), options);
  }

  get url(): string {
    return `http://localhost:${this.port}`;
  }

  /** A command of `prefect server` on this database; what it printed. */
  command(...words: string[]): string {
    return execFileSync(BIN, ["server", ...words, "--data-dir", this.directory], {
      encoding: "utf8",
      env: this.env,
    });
  }

  private get env(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      PREFECT__USER_CONFIG_PATH: join(this.directory, "none.toml"),
      PREFECT__HOME_DIR: this.directory,
    };
  }

  async start(): Promise<void> {
    const options = [
      "--data-dir",
      this.directory,
      "--port",
      String(this.port),
      "--hide-welcome",
      ...this.options,
    ];
    this.process = spawn(BIN, ["server", "start", ...options], { stdio: "ignore", env: this.env });
    const deadline = Date.now() + 20_000;
    for (;;) {
      const reply = await fetch(`${this.url}/health`).catch(() => undefined);
      if (reply?.ok) return;
      if (Date.now() > deadline || this.process.exitCode !== null)
        throw new Error(`The server did not start: ${BIN}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  async stop(): Promise<void> {
    const child = this.process;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGTERM");
    await ended;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** A server of a test's own with the demo in it, and the runs that the demo names. */
  static async withDemo(options: string[] = []): Promise<{ server: Server; runs: Record<string, string> }> {
    const server = await Server.make(options);
    const printed = server.command("seed-demo", "--mapped", "10", "--days", "1");
    return { server, runs: namedRuns(printed) };
  }

  /** The data of a GraphQL document. */
  async ask(query: string, variables: unknown = {}, key?: string): Promise<any> {
    const reply = await fetch(`${this.url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", ...(key ? { authorization: `Bearer ${key}` } : {}) },
      body: JSON.stringify({ query, variables }),
    });
    const body: any = await reply.json();
    if (body.errors) throw new Error(JSON.stringify(body.errors));
    return body.data;
  }
}

/** What `seed-demo` printed, as ids by title. */
export function namedRuns(printed: string): Record<string, string> {
  const runs: Record<string, string> = {};
  for (const [, title, id] of printed.matchAll(/^ {2}(\S.*?)\s+([0-9a-f-]{36})$/gm)) runs[title!] = id!;
  return runs;
}
