/**
 * Pictures of every page, in light and dark at 1440 px and in light at the width of a phone:
 *
 *     npm run screenshots -- FOLDER [PART_OF_A_NAME…]
 *
 * A server with the demo is started for them.
 */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { chromium, type Page } from "@playwright/test";
import { namedRuns, Server } from "./servers.ts";

const [folder = "screenshots", ...wanted] = process.argv.slice(2);
const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) =>
  existsSync(path),
);

const server = await Server.make();
const printed = server.command(
  "seed-demo",
  "--mapped",
  process.env.UI_MAPPED ?? "10000",
  "--log-lines",
  "20000",
  "--tasks",
  "2000",
);
const runs = namedRuns(printed);
await server.start();

async function group(name: string): Promise<string> {
  const data = await server.ask(
    `{ flow(where: {name: {_eq: ${JSON.stringify(name)}}, archived: {_eq: false}}) { flow_group_id } }`,
  );
  return `flow/${data.flow[0].flow_group_id}`;
}

const etl = await group("etl-daily");
const train = await group("train-model");
const { task_run: failed } = await server.ask(
  `{ task_run(where: {flow_run_id: {_eq: "${runs.failed}"}, state: {_eq: "Failed"}}, limit: 1) { id task_id } }`,
);
const { task_run: huge } = await server.ask(
  `{ task_run(where: {flow_run_id: {_eq: "${runs.mapped}"}, state: {_eq: "Mapped"}}, limit: 1) { task_id } }`,
);
const { task_run_artifact: artifacts } = await server.ask(
  '{ task_run_artifact(where: {kind: {_eq: "markdown"}}, limit: 1) { task_run { flow_run_id } } }',
);

type Act = (page: Page) => Promise<unknown>;
const PAGES: [string, string, Act?][] = [
  ["dashboard", ""],
  ["flows", "flows"],
  ["runs", "runs"],
  ["runs-selected", "runs", (page) => page.getByRole("checkbox").nth(1).click()],
  ["calendar", "calendar"],
  ["agents", "agents"],
  ["agents-kubernetes", "agents?kind=kubernetes"],
  ["api", "api"],
  ["settings-projects", "settings/projects"],
  ["settings-concurrency", "settings/concurrency"],
  ["settings-kv", "settings/kv"],
  ["settings-secrets", "settings/secrets"],
  ["settings-team", "settings/team"],
  ["settings-keys", "settings/keys"],
  ["settings-tenant", "settings/tenant"],
  ["settings-profile", "settings/profile"],
  ["flow-grid", etl],
  ["flow-runs", `${etl}?tab=runs`],
  ["flow-schematic", `${etl}?tab=schematic`],
  ["flow-schematic-large", `${await group("very-large")}?tab=schematic`],
  ["flow-readme", `${etl}?tab=readme`],
  ["flow-versions", `${etl}?tab=versions`],
  [
    "flow-schedules",
    `${etl}?tab=schedules`,
    (page) => page.getByRole("button", { name: "Add a clock" }).click(),
  ],
  ["flow-settings", `${etl}?tab=settings`],
  ["flow-run-form", `${train}?tab=run`],
  [
    "flow-run-form-config",
    `${train}?tab=run`,
    async (page) => {
      await page.getByText("Name, labels, start").click();
      await page.getByLabel("Kind of run config").selectOption("KubernetesRun");
    },
  ],
  ["run-failed", `flow-run/${runs.failed}`],
  ["run-running", `flow-run/${runs["running map"]}`],
  ["run-huge", `flow-run/${runs.mapped}?task=${huge[0].task_id}&children=1`],
  ["run-waiting", `flow-run/${runs["no slot"]}`],
  ["run-paused", `flow-run/${runs.paused}`],
  ["run-graph", `flow-run/${runs.failed}?tab=graph&task=${failed[0].task_id}`],
  ["run-graph-large", `flow-run/${runs.large}?tab=graph`],
  ["run-tasks", `flow-run/${runs.failed}?tab=tasks`],
  ["run-logs", `flow-run/${runs.failed}?tab=logs&find=task+run&hit=3&context=1`],
  ["run-artifacts", `flow-run/${artifacts[0].task_run.flow_run_id}?tab=artifacts`],
  ["run-details", `flow-run/${runs.failed}?tab=details`],
  ["run-parent", `flow-run/${runs.parent}?tab=details`],
  ["task-run", `task-run/${failed[0].id}`],
  ["task-run-details", `task-run/${failed[0].id}?tab=details`],
  ["task", `task/${failed[0].task_id}`],
  ["nowhere", "nowhere"],
  ["palette", "", (page) => page.keyboard.press("/")],
  ["keys", "", (page) => page.keyboard.press("?")],
];

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu"],
});
try {
  for (const [name, width, height, colorScheme] of [
    ["light", 1440, 900, "light"],
    ["dark", 1440, 900, "dark"],
    ["phone", 390, 844, "light"],
    ["phone-dark", 390, 844, "dark"],
  ] as const) {
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme,
      reducedMotion: "reduce",
    });
    const page = await context.newPage();
    for (const [title, path, act] of PAGES) {
      if (wanted.length && !wanted.some((one) => `${title}-${name}`.includes(one))) continue;
      await page.goto(`${server.url}/default/${path}`, { waitUntil: "load" });
      await page.waitForTimeout(Number(process.env.UI_PAUSE ?? 900));
      await act?.(page);
      if (act) await page.waitForTimeout(400);
      await page.screenshot({ path: join(folder, `${title}-${name}.png`) });
    }
    await context.close();
  }
} finally {
  await browser.close();
  await server.remove();
}
