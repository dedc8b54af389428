/** What breaks other pages: size, time, faults and attacks. Times are printed, and bounded ten times wider. */
import { demo, expect, flowOf, runOf, test, url } from "./demo";
import { Server } from "./servers";

const ran = (what: string, started: number, most: number): void => {
  const took = Date.now() - started;
  console.info(`    ${what}: ${took} ms`);
  expect(took, what).toBeLessThan(most * 10);
};

test("a run with as many mapped children as there are is usable, and the one that failed is a click away", async ({
  page,
}) => {
  const { task_run_aggregate: all } = await demo().ask(
    `{ task_run_aggregate(where: {flow_run_id: {_eq: "${runOf("mapped")}"}}) { aggregate { count } } }`,
  );
  let started = Date.now();
  await page.goto(`${url()}/default/flow-run/${runOf("mapped")}`);
  await expect(page.getByText("First to fail")).toContainText("score[");
  await expect(page.getByTestId("timeline")).toHaveAttribute("data-bars", "3");
  await expect(page.getByRole("tab", { name: /^Tasks/ })).toContainText(/\d/);
  ran(`page of ${all.aggregate.count} task runs`, started, 2_000);
  await page.getByRole("tab", { name: /^Tasks/ }).click();
  started = Date.now();
  await page.getByRole("button", { name: /^Failed/ }).click();
  await expect(page.getByRole("row")).toHaveCount(2);
  await expect(page.getByRole("row").filter({ hasText: /score\[\d+\]/ })).toContainText("KeyError('price')");
  ran("filter to the failed one", started, 1_000);
  started = Date.now();
  await page.getByRole("button", { name: /^All/ }).click();
  await page.getByRole("table").evaluate((table) => table.scrollTo(0, table.scrollHeight));
  await expect(page.getByRole("row").last()).toContainText(/\w/);
  ran("to the end of the list", started, 2_000);
  const rows = await page.getByRole("row").count();
  expect(rows, "rows in the document").toBeLessThan(100);
});

test("a flow of 2,000 tasks is drawn, and the page answers while it is laid out", async ({ page }) => {
  await page.goto(`${url()}/default/flows`);
  await expect(page.getByRole("link", { name: "very-large" })).toBeVisible();
  await page.evaluate(() => {
    const blocked = { longest: 0 };
    (window as any).blocked = blocked;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) blocked.longest = Math.max(blocked.longest, entry.duration);
    }).observe({ entryTypes: ["longtask"] });
  });
  await page.getByRole("link", { name: "very-large" }).click();
  const started = Date.now();
  await page.getByRole("tab", { name: "Schematic" }).click();
  await expect(page.getByTestId("dag")).toHaveAttribute("data-nodes", "2000", { timeout: 30_000 });
  await expect(page.getByText("step 0", { exact: true })).toBeVisible();
  ran("schematic of 2,000 tasks", started, 3_000);
  const longest = await page.evaluate(() => (window as any).blocked.longest);
  console.info(`    longest the page was busy: ${Math.round(longest)} ms`);
  expect(longest).toBeLessThan(1_000);
});

test("the grid of a flow of 2,000 tasks is there", async ({ page }) => {
  const started = Date.now();
  await page.goto(`${url()}/default/flow/${await flowOf("very-large")}`);
  await expect(page.getByRole("gridcell").first()).toBeVisible();
  ran("grid of 2,000 tasks", started, 3_000);
});

test("the timeline of a running run moves on", async ({ page }) => {
  await page.goto(`${url()}/default/flow-run/${runOf("running map")}`);
  await expect(page.getByTestId("timeline")).toBeVisible();
  const before = await page
    .getByTestId("timeline")
    .evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL());
  await expect
    .poll(() => page.getByTestId("timeline").evaluate((canvas: HTMLCanvasElement) => canvas.toDataURL()))
    .not.toBe(before);
  await page.getByRole("button", { name: "critical path" }).click();
  await page.getByRole("button", { name: "Zoom in" }).click();
  await page.getByRole("listbox").press("ArrowDown");
  await expect(page).toHaveURL(/task=/);
});

test("all children of a huge map open in the timeline, read only where one looks", async ({ page }) => {
  const id = runOf("mapped");
  const { task_run: mapped } = await demo().ask(
    `{ task_run(where: {flow_run_id: {_eq: "${id}"}, state: {_eq: "Mapped"}}) { task_id } }`,
  );
  const started = Date.now();
  await page.goto(`${url()}/default/flow-run/${id}?task=${mapped[0].task_id}&children=1`);
  const bars = page.getByTestId("timeline");
  await expect.poll(async () => Number(await bars.getAttribute("data-bars"))).toBeGreaterThan(500);
  ran("children in the timeline", started, 3_000);
  await page.getByRole("listbox").evaluate((box) => box.scrollTo(0, 20_000));
  await page.mouse.move(0, 0);
  await bars.hover({ position: { x: 300, y: 200 } });
  await expect(page.getByText(/^\[\d+\] · /)).toBeVisible();
  await page.getByRole("button", { name: "failed ones" }).click();
  await expect(page).toHaveURL(/children=bad/);
  await expect.poll(async () => Number(await bars.getAttribute("data-bars"))).toBeLessThan(100);
});

test("a large schematic has an overview that leads anywhere in it", async ({ page }) => {
  await page.goto(`${url()}/default/flow/${await flowOf("very-large")}?tab=schematic`);
  const viewport = page.locator(".react-flow__viewport");
  await expect(page.getByText("step 0", { exact: true })).toBeVisible();
  const before = await viewport.getAttribute("style");
  await page.getByTestId("overview").click({ position: { x: 110, y: 20 } });
  await expect.poll(() => viewport.getAttribute("style")).not.toBe(before);
});

test("what is pointed at in the timeline stands out in the log", async ({ page }) => {
  await page.goto(`${url()}/default/flow-run/${runOf("failed")}`);
  const log = page.getByRole("log");
  await expect(log.locator("[data-index]").first()).toBeVisible();
  await log.evaluate((box) => box.scrollTo(0, 0));
  await expect(log.getByText("Beginning Flow run")).toBeVisible();
  await page.getByTestId("timeline").hover({ position: { x: 60, y: 36 } });
  await expect(page.locator("[data-pointed]").first()).toBeVisible();
});

test("a log of a million lines opens at its end, jumps to its start, is searched, and followed", async ({
  page,
}) => {
  let started = Date.now();
  await page.goto(`${url()}/default/flow-run/${runOf("cancelled")}?tab=logs`);
  const log = page.getByRole("log");
  await expect(log.getByText(/Flow run CANCELLED|Round \d+/).last()).toBeVisible();
  ran("end of the log", started, 2_000);
  started = Date.now();
  await log.evaluate((box) => box.scrollTo(0, 0));
  await expect(log.getByText("Round 0: loss")).toBeVisible();
  await expect(page.getByRole("button", { name: /follow/ })).toBeVisible();
  ran("start of the log", started, 2_000);
  started = Date.now();
  await page.getByLabel("Find in the log").fill("Round 77:");
  const counter = page.getByTestId("log-count");
  await expect(counter).toHaveText("1 match");
  await expect(log.getByText("Round 77:")).toBeVisible();
  ran("search of the log", started, 3_000);
  expect(await log.locator("[data-index]").count()).toBeLessThan(300);

  // Among the other lines: what stood before and after a match.
  started = Date.now();
  await page.getByRole("button", { name: "Only lines that match" }).click();
  await page.getByRole("button", { name: "Next match (n)" }).click();
  await expect(counter).toHaveText("1 of 1 match");
  await expect(log.getByText("Round 76:")).toBeVisible();
  await expect(log.getByText("Round 78:")).toBeVisible();
  ran("match in its place", started, 2_000);
  await page.getByLabel("Find in the log").fill("");
  await expect(counter).toContainText("lines");

  started = Date.now();
  await page.getByRole("button", { name: /follow/ }).click();
  await demo().ask(
    `mutation { write_run_logs(input: {logs: [{flow_run_id: "${runOf("cancelled")}", message: "the newest line"}]}) { success } }`,
  );
  await expect(log.getByText("the newest line")).toBeInViewport();
  ran("a new line at the end", started, 3_000);
});

test("matches of a search are walked with n and N, and the URL says which", async ({ page }) => {
  await page.goto(`${url()}/default/flow-run/${runOf("failed")}?tab=logs&find=task+run`);
  const counter = page.getByTestId("log-count");
  await expect(counter).toHaveText(/^\d+ matches$/);
  const number = Number((await counter.textContent())!.split(" ")[0]);
  await page.getByRole("log").focus();
  await page.keyboard.press("n");
  await page.keyboard.press("n");
  await expect(counter).toHaveText(`2 of ${number} matches`);
  await expect(page).toHaveURL(/hit=2/);
  await page.keyboard.press("N");
  await page.keyboard.press("N");
  await expect(counter).toHaveText(`${number} of ${number} matches`);
  await page.reload();
  await expect(counter).toHaveText(`${number} of ${number} matches`);
  await page.getByLabel("Logger of the lines").fill("no such logger");
  await expect(page.getByText("No line matches.")).toBeVisible();
  await page.getByLabel("Logger of the lines").fill("FlowRunner");
  await page.getByLabel("Find in the log").fill("");
  await expect(page.getByRole("log").getByText("Beginning Flow run")).toBeVisible();
  await expect(page).toHaveURL(/logger=FlowRunner/);
  await page.getByLabel("Logger of the lines").fill("");
  await page.getByLabel("Task of the lines").selectOption({ label: "extract" });
  await expect(page).toHaveURL(/task=/);
  await expect(page.getByRole("log").getByText("Beginning Flow run")).toHaveCount(0);
});

test("a page recovers by itself when the server restarts", async ({ page }) => {
  const { server } = await Server.withDemo();
  try {
    await server.start();
    await page.goto(`${server.url}/default/settings/kv`);
    await expect(page.getByRole("cell", { name: "last_loaded", exact: true })).toBeVisible();
    await page.goto(`${server.url}/default`);
    await expect(page.getByText("reconnecting")).toBeHidden();
    await server.stop();
    await expect(page.getByText("reconnecting")).toBeVisible();
    await server.start();
    const started = Date.now();
    await expect(page.getByText("reconnecting")).toBeHidden({ timeout: 15_000 });
    ran("back after the restart", started, 3_000);
    const flow = (await server.ask('{ flow(where: {name: {_eq: "weekly-report"}}) { id } }')).flow[0].id;
    await server.ask(
      `mutation { create_flow_run(input: {flow_id: "${flow}", flow_run_name: "after-the-restart"}) { id } }`,
    );
    await page.getByRole("link", { name: "Runs" }).click();
    await expect(page.getByText("after-the-restart")).toBeVisible();
  } finally {
    await server.remove();
  }
});

test("with keys: log in, roles see what they may do, a session that ends leads to the login page and back", async ({
  page,
}) => {
  test.slow(); // it looks at many pages
  const { server } = await Server.withDemo(["--require-keys", "--root-path", "/prefect"]);
  try {
    server.command("create-user", "anna", "--role", "admin");
    server.command("create-user", "rita", "--role", "read-only");
    const [admin, reader] = ["anna", "rita"].map((name) => server.command("create-key", name).trim()) as [
      string,
      string,
    ];
    await server.start();
    const base = `${server.url}/prefect`;
    const { flow_run } = await server.ask(
      '{ flow_run(where: {state: {_eq: "Failed"}}, limit: 1) { id name } }',
      {},
      admin,
    );
    const target = `${base}/default/flow-run/${flow_run[0].id}?tab=details`;

    await page.goto(target);
    await expect(page).toHaveURL(/\/prefect\/login/);
    await page.getByLabel("API key").fill("pcs_wrong");
    await page.getByRole("button", { name: "Log in" }).click();
    await expect(page.getByRole("alert")).toBeVisible();
    await page.getByLabel("API key").fill(reader);
    await page.getByRole("button", { name: "Log in" }).click();
    await expect(page).toHaveURL(target);
    await expect(page.getByTestId("run-state")).toContainText("Failed");
    for (const name of ["Restart", "More actions", "Cancel"])
      await expect(page.getByRole("button", { name })).toHaveCount(0);
    await page.goto(`${base}/default/flows`);
    await expect(page.getByRole("switch").first()).toBeDisabled();
    await page.goto(`${base}/default/settings/kv`);
    await expect(page.getByRole("cell", { name: "last_loaded", exact: true })).toBeVisible();
    await expect(page.getByRole("button", { name: "Set" })).toHaveCount(0);
    await expect(page.getByRole("button", { name: /^Delete/ })).toHaveCount(0);
    const { task_run, flow } = await server.ask(
      `{ task_run(where: {state: {_eq: "Failed"}}, limit: 1) { id } flow(where: {name: {_eq: "etl-daily"}}, limit: 1) { flow_group_id } }`,
      {},
      admin,
    );
    for (const [path, sign] of [
      ["", "Needs attention"],
      ["runs", "Until now"],
      ["agents", "warehouse-1"],
      [`task-run/${task_run[0].id}`, "child 27"],
      [`flow/${flow[0].flow_group_id}?tab=schedules`, "Time zone"],
      [`flow/${flow[0].flow_group_id}?tab=settings`, "Version lock"],
    ] as const) {
      await page.goto(`${base}/default/${path}`);
      await expect(page.getByText(sign).first()).toBeVisible();
      const acts = page.locator("#main").getByRole("button", {
        // "save" keeps a filter in the browser of the reader
        name: /Restart|Approve|Forget|Remove|Add a clock|^Save|^Mark|^Run$|Make a key/,
        disabled: false,
      });
      expect(await acts.allTextContents(), `what a reader may do at ${path}`).toEqual([]);
      await expect(page.getByLabel("Mark as")).toHaveCount(0);
    }
    await page.goto(`${base}/default/settings/kv`);
    await expect(page.getByRole("link", { name: "Projects" })).toBeVisible();

    const { auth_api_key: keys } = await server.ask(
      '{ auth_api_key(where: {created_by: {username: {_eq: "rita"}}}) { id } }',
      {},
      admin,
    );
    await server.ask(`mutation { delete_api_key(input: {key_id: "${keys[0].id}"}) { success } }`, {}, admin);
    await page.getByRole("link", { name: "Projects" }).click();
    await expect(page).toHaveURL(/\/prefect\/login\?next=/);
    await page.getByLabel("API key").fill(admin);
    await page.getByRole("button", { name: "Log in" }).click();
    await expect(page).toHaveURL(/\/prefect\/default\/settings\/projects$/);
    await expect(page.getByRole("button", { name: "Create" })).toBeVisible();
    await page.getByRole("button", { name: "Log out" }).click();
    await expect(page).toHaveURL(/\/prefect\/login/);
  } finally {
    await server.remove();
  }
});

test("the login page sends nobody to another site", async ({ page }) => {
  for (const next of ["//example.com", "https://example.com", "/\\example.com", "javascript:alert(1)"]) {
    await page.goto(`${url()}/login?next=${encodeURIComponent(next)}`);
    await expect(page.getByRole("heading", { name: "Prefect Classic" })).toBeVisible();
    expect(new URL(page.url()).origin).toBe(url());
  }
});
