/** Every page: opened by its address, in both themes and at the width of a phone, judged by axe. */
import AxeBuilder from "@axe-core/playwright";
import { expect, flowOf, runOf, test, url } from "./demo";

const PAGES: [string, string | (() => Promise<string> | string), string | RegExp][] = [
  ["dashboard", "", "Needs attention"],
  ["flows", "flows", "etl-daily"],
  ["runs", "runs", "score-customers"],
  ["calendar", "calendar", "sync-warehouse"],
  ["agents", "agents", "warehouse-1"],
  ["api", "api", "flow_run_by_pk"],
  ["projects", "settings/projects", "warehouse"],
  ["concurrency", "settings/concurrency", "gpu"],
  ["key-values", "settings/kv", "last_loaded"],
  ["secrets", "settings/secrets", "Encrypted in the database"],
  ["team", "settings/team", "No people yet."],
  ["keys", "settings/keys", "prefect server create-user"],
  ["tenant", "settings/tenant", "Runs are handed to agents."],
  ["flow grid", async () => `flow/${await flowOf("etl-daily")}`, "check quality"],
  ["flow runs", async () => `flow/${await flowOf("etl-daily")}?tab=runs`, "Failed"],
  ["flow schematic", async () => `flow/${await flowOf("etl-daily")}?tab=schematic`, "batch_size"],
  ["flow readme", async () => `flow/${await flowOf("etl-daily")}?tab=readme`, "Daily load of orders"],
  ["flow versions", async () => `flow/${await flowOf("etl-daily")}?tab=versions`, /\+ check quality/],
  ["flow schedules", async () => `flow/${await flowOf("etl-daily")}?tab=schedules`, "At 06:00"],
  ["flow settings", async () => `flow/${await flowOf("etl-daily")}?tab=settings`, "Version lock"],
  ["flow run form", async () => `flow/${await flowOf("train-model")}?tab=run`, "learning_rate"],
  ["run timeline", () => `flow-run/${runOf("failed")}`, "First to fail"],
  ["run graph", () => `flow-run/${runOf("failed")}?tab=graph`, "check quality"],
  ["run tasks", () => `flow-run/${runOf("failed")}?tab=tasks&state=bad`, "load"],
  ["run logs", () => `flow-run/${runOf("failed")}?tab=logs&level=ERROR`, "Exception encountered"],
  ["run details", () => `flow-run/${runOf("failed")}?tab=details`, "Parameters"],
];

async function addressOf(page: string | (() => Promise<string> | string)): Promise<string> {
  return `${url()}/default/${typeof page === "string" ? page : await page()}`;
}

for (const [name, path, text] of PAGES) {
  test(`${name}: opens by its address, and axe finds nothing serious in light, dark and on a phone`, async ({
    page,
  }) => {
    await page.emulateMedia({ colorScheme: "light", reducedMotion: "reduce" });
    await page.goto(await addressOf(path));
    await expect(page.getByText(text).filter({ visible: true }).first()).toBeVisible();
    const problems: string[] = [];
    for (const theme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme: theme, reducedMotion: "reduce" });
      // Only colours differ in the dark.
      const axe = new AxeBuilder({ page });
      const found = await (theme === "dark" ? axe.withRules("color-contrast") : axe).analyze();
      for (const one of found.violations)
        if (one.impact === "serious" || one.impact === "critical")
          problems.push(
            `${theme}: ${one.id}: ${one.nodes
              .map((node) => node.html.slice(0, 160))
              .slice(0, 3)
              .join(" | ")}`,
          );
    }
    await page.setViewportSize({ width: 390, height: 844 });
    await expect(page.getByText(text).first()).toBeAttached();
    const wider = await page.evaluate(() =>
      Math.max(
        ...[document.documentElement, document.querySelector("#main")!].map(
          (box) => box.scrollWidth - box.clientWidth,
        ),
      ),
    );
    expect(wider, "pixels that the page is wider than a phone").toBeLessThanOrEqual(0);
    expect(problems).toEqual([]);
  });
}

test("an artifact is drawn as it was written", async ({ page }) => {
  const run = await page.request
    .post(`${url()}/graphql`, {
      data: {
        query:
          '{ task_run_artifact(where: {kind: {_eq: "markdown"}}, limit: 1) { task_run { flow_run_id } } }',
      },
    })
    .then((reply) => reply.json());
  await page.goto(
    `${url()}/default/flow-run/${run.data.task_run_artifact[0].task_run.flow_run_id}?tab=artifacts`,
  );
  await expect(page.getByRole("heading", { name: "Quality of the load" })).toBeVisible();
  await expect(page.getByRole("cell", { name: "2 rows refused" })).toBeVisible();
});

test("the state of a run is in the title and the icon of its tab", async ({ page }) => {
  await page.goto(`${url()}/default/flow-run/${runOf("failed")}`);
  await expect(page).toHaveTitle(/^✕ .* · etl-daily · /);
  await expect(page.locator('link[rel="icon"]')).toHaveAttribute("href", /icons\/bad\.svg$/);
});
