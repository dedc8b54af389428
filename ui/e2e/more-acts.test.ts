/** More of what people do with flows and task runs. */
import { demo, expect, flowOf, runOf, test, url } from "./demo";
import { Server } from "./servers";

test("a mapped task of the timeline is opened, and its children lead to their pages", async ({ page }) => {
  await page.goto(`${url()}/default/flow-run/${runOf("failed")}`);
  const timeline = page.getByTestId("timeline");
  await expect(timeline).toHaveAttribute("data-bars", "6");
  await timeline.click({ position: { x: 60, y: 24 + 26 + 13 } }); // the second row
  await page.getByRole("button", { name: "expand" }).click();
  await expect(timeline).toHaveAttribute("data-bars", "46");
  await timeline.click({ position: { x: 60, y: 24 + 2 * 26 + 13 } });
  await expect(page).toHaveURL(/\/task-run\//);
  await expect(page.getByText("child 1 of 40")).toBeVisible();
});

test("a task run is restarted with all that depends on it, and what comes before stays", async ({ page }) => {
  const { server, runs } = await Server.withDemo();
  try {
    await server.start();
    const { task_run } = await server.ask(
      `{ task_run(where: {flow_run_id: {_eq: "${runs.failed}"}, state: {_eq: "Failed"}}) { id } }`,
    );
    await page.goto(`${server.url}/default/task-run/${task_run[0].id}`);
    await expect(page.getByText("KeyError: 'price'")).toBeVisible();
    await page.getByRole("button", { name: "Restart from here" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Restart from here" }).click();
    await expect(page.getByText(/task runs will run again/)).toBeVisible();
    const data = await server.ask(
      `{ flow_run_by_pk(id: "${runs.failed}") { state task_runs { map_index state task { name } } } }`,
    );
    expect(data.flow_run_by_pk.state).toBe("Scheduled");
    const states = (name: string, isChild: boolean): string[] => [
      ...new Set<string>(
        data.flow_run_by_pk.task_runs
          .filter((one: any) => one.task.name === name && one.map_index >= 0 === isChild)
          .map((one: any) => one.state),
      ),
    ];
    expect(states("extract", false)).toEqual(["Success"]);
    expect(states("transform", true)).toEqual(["Success"]);
    expect(states("load", true).sort()).toEqual(["Pending", "Success"]);
    expect(states("check quality", false)).toEqual(["Pending"]);
    expect(states("notify", false)).toEqual(["Pending"]);
  } finally {
    await server.remove();
  }
});

test("a schedule is written, and the next runs are those that it says", async ({ page }) => {
  const group = await flowOf("weekly-report");
  await page.goto(`${url()}/default/flow/${group}?tab=schedules`);
  await expect(page.getByText("No clock: runs are started by hand.")).toBeVisible();
  await page.getByRole("button", { name: "Add a clock" }).click();
  await page.getByLabel("Cron line").fill("15 7 * * 1");
  await expect(page.getByText("At 07:15, only on Monday")).toBeVisible();
  await page.getByLabel("Time zone").selectOption("Europe/Berlin");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Schedule, set here")).toBeVisible();
  await page.getByRole("switch", { name: "Schedule of weekly-report" }).click();
  await expect(page.getByRole("listitem").filter({ hasText: /7:15/ }).first()).toBeVisible();
  const { flow_group_by_pk: stored } = await demo().ask(`{ flow_group_by_pk(id: "${group}") { schedule } }`);
  expect(stored.schedule.clocks[0]).toMatchObject({
    cron: "15 7 * * 1",
    start_date: { tz: "Europe/Berlin" },
  });
});

test("the grid is walked with the arrow keys", async ({ page }) => {
  await page.goto(`${url()}/default/flow/${await flowOf("sync-warehouse")}`);
  const grid = page.getByRole("grid");
  await expect(page.getByRole("gridcell").first()).toBeVisible();
  await grid.focus();
  await grid.press("ArrowLeft");
  await grid.press("ArrowDown");
  await expect(page).toHaveURL(/cell=/);
  const details = page.getByRole("complementary", { name: "Task run" });
  await expect(details).toBeVisible();
  await grid.press("Enter");
  await expect(page).toHaveURL(/\/task-run\//);
});

test("a filter is saved under a name and found again", async ({ page }) => {
  await page.goto(`${url()}/default/runs?state=bad`);
  await page.getByRole("button", { name: "save" }).click();
  await page.getByLabel("Name of the filter").fill("broken");
  await page.keyboard.press("Enter");
  await page.goto(`${url()}/default/runs`);
  await page.getByRole("button", { name: "broken" }).click();
  await expect(page).toHaveURL(/state=bad/);
});

test("the interactive API answers, and says what is wrong", async ({ page }) => {
  await page.goto(`${url()}/default/api`);
  await page.getByRole("button", { name: "Run" }).click();
  await expect(page.getByRole("textbox", { name: "Answer" })).toContainText('"flow_run"');
  const editor = page.getByRole("textbox", { name: "GraphQL document" });
  await editor.press("ControlOrMeta+a");
  await editor.press("Delete");
  await page.keyboard.type("{ nothing_like_it }");
  await editor.press("ControlOrMeta+Enter");
  await expect(page.getByRole("textbox", { name: "Answer" })).toContainText("Cannot query field");
});

test("rows that come while somebody reads further down wait behind a pill", async ({ page }) => {
  await page.setViewportSize({ width: 1200, height: 400 });
  await page.goto(`${url()}/default/runs?state=good`);
  await expect(page.getByRole("row").nth(20)).toBeAttached();
  const first = () => page.getByRole("row").nth(1).getByRole("link").first().textContent();
  const before = await first();
  await page.locator("#main").evaluate((main) => main.scrollTo(0, 300));
  const flow = (
    await demo().ask('{ flow(where: {name: {_eq: "nightly-backup"}, archived: {_eq: false}}) { id } }')
  ).flow[0].id;
  const made = await demo().ask(
    `mutation { create_flow_run(input: {flow_id: "${flow}", flow_run_name: "a-new-one"}) { id } }`,
  );
  await demo().ask(
    `mutation { set_flow_run_states(input: {states: [{flow_run_id: "${made.create_flow_run.id}", state: {type: "Success", message: "by hand"}}]}) { states { id } } }`,
  );
  await expect(page.getByRole("button", { name: /^\d+ new$/ })).toBeVisible();
  expect(await first()).toBe(before);
  await page.getByRole("button", { name: /^\d+ new$/ }).click();
  await expect(page.getByText("a-new-one")).toBeVisible();
});

test("a run shows the runs that it started, and those show theirs", async ({ page }) => {
  const flow = (
    await demo().ask('{ flow(where: {name: {_eq: "month-end"}, archived: {_eq: false}}) { id } }')
  ).flow[0].id;
  const make = async (name: string, parent: string | null): Promise<{ id: string; task: string }> => {
    // The key of a child run begins with the id of the task run that starts it.
    const key = parent ? `, idempotency_key: "${parent}-0"` : "";
    const made = await demo().ask(
      `mutation { create_flow_run(input: {flow_id: "${flow}", flow_run_name: "${name}"${key}}) { id } }`,
    );
    const { task_run } = await demo().ask(
      `{ task_run(where: {flow_run_id: {_eq: "${made.create_flow_run.id}"}}, limit: 1) { id } }`,
    );
    return { id: made.create_flow_run.id, task: task_run[0].id };
  };
  const first = await make("grandmother", null);
  const second = await make("mother", first.task);
  await make("daughter", second.task);
  await page.goto(`${url()}/default/flow-run/${first.id}?tab=details`);
  await expect(page.getByRole("link", { name: "month-end / mother" })).toBeVisible();
  await expect(page.getByRole("link", { name: "month-end / daughter" })).toHaveCount(0);
  await page.getByRole("button", { name: "Runs that mother started" }).click();
  await page.getByRole("button", { name: "Runs that daughter started" }).click();
  await expect(page.getByText("It started no flow runs.")).toBeVisible();
  await page.getByRole("link", { name: "month-end / daughter" }).click();
  await expect(page.getByRole("heading", { name: "daughter" })).toBeVisible();
});

test("how many runs of a flow may be active is set, and unset", async ({ page }) => {
  const group = await flowOf("nightly-backup");
  const settings = async () => {
    const data = await demo().ask(`{ flow_group_by_pk(id: "${group}") { settings } }`);
    return data.flow_group_by_pk.settings;
  };
  await page.goto(`${url()}/default/flow/${group}?tab=settings`);
  const panel = page.locator("section", { hasText: "At most at once" });
  await panel.getByLabel("At most at once").fill("1");
  await panel.getByLabel("When another one is due").selectOption("Skip it, if a schedule made it");
  await panel.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("The limit is saved.")).toBeVisible();
  expect(await settings()).toMatchObject({ max_active_runs: 1, when_max_active_runs: "skip" });
  await page.reload();
  await expect(panel.getByLabel("At most at once")).toHaveValue("1");
  await panel.getByLabel("At most at once").fill("");
  await panel.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("The flow has no limit.")).toBeVisible();
  expect(await settings()).not.toHaveProperty("max_active_runs");
});
