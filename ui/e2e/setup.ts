/** One server with the demo for all tests, as `prefect server seed-demo` makes it. */
import { namedRuns, Server } from "./servers";

export default async function setup(): Promise<() => Promise<void>> {
  const server = await Server.make();
  const printed = server.command(
    "seed-demo",
    "--mapped",
    process.env.UI_MAPPED ?? "100000",
    "--tasks",
    "2000",
    "--log-lines",
    process.env.UI_LOG_LINES ?? "1000000",
    "--days",
    "3",
  );
  await server.start();
  process.env.UI_URL = server.url;
  process.env.UI_DIRECTORY = server.directory;
  process.env.UI_RUNS = JSON.stringify(namedRuns(printed));
  return () => server.remove();
}
