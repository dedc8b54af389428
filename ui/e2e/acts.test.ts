/** What people do: each against the real server, with what became of it read there. */
import { demo, expect, flowOf, runOf, test, url } from "./demo";

const stateOf = async (id: string): Promise<string> =>
  (await demo().ask(`{ flow_run_by_pk(id: "${id}") { state } }`)).flow_run_by_pk.state;

test("the dashboard says what failed, waits and is late, and leads there with one click", async ({
  page,
}) => {
  await page.goto(`${url()}/`);
  await expect(page).toHaveURL(/\/default$/);
  await expect(page.getByTestId("health")).toContainText("failed");
  const attention = page.locator("section", { has: page.getByRole("heading", { name: "Needs attention" }) });
  await expect(attention.getByText("etl-daily")).toBeVisible();
  await expect(attention.getByText("approve-release")).toBeVisible();
  await attention.getByText("etl-daily").click();
  await expect(page.getByText("First to fail")).toContainText("KeyError('price')");
});

test("a failed run names its first cause, and the line of the log is one click away", async ({ page }) => {
  await page.goto(`${url()}/default/flow-run/${runOf("failed")}`);
  await expect(page.getByText("First to fail")).toContainText(/load\[\d+\]/);
  await page.getByRole("button", { name: "open the log line" }).click();
  await expect(page).toHaveURL(/line=/);
  await expect(page.getByRole("log").getByText("Exception encountered").first()).toBeInViewport();
  await expect(page.getByText("return round(row").first()).toBeVisible();
});

test("a run that waits says for what", async ({ page }) => {
  await page.goto(`${url()}/default/flow-run/${runOf("no slot")}`);
  await expect(page.getByTestId("why")).toContainText("All slots of the label 'gpu' are taken (1 of 1).");
  await page.getByRole("link", { name: "run that holds a slot" }).click();
  await expect(page).toHaveURL(new RegExp(runOf("running map")));
});

test("a paused run is approved", async ({ page }) => {
  await page.goto(`${url()}/default/flow-run/${runOf("paused")}`);
  await page.getByRole("button", { name: "Approve" }).click();
  await expect(page.getByTestId("run-state")).toContainText("Resume");
  expect(await stateOf(runOf("paused"))).toBe("Resume");
});

test("a run is started from fields and JSON, which say the same", async ({ page }) => {
  await page.goto(`${url()}/default/flow/${await flowOf("train-model")}?tab=run`);
  await page.getByLabel("learning_rate").fill("0.5");
  await page.getByLabel("note").fill("42"); // text that looks like a number
  await page.getByRole("tab", { name: "JSON" }).click();
  const editor = page.getByRole("textbox", { name: "Parameters as JSON" });
  await expect(editor).toContainText('"note": "42"');
  await expect(editor).toContainText('"learning_rate": 0.5');
  await editor.press("ControlOrMeta+a");
  await editor.press("Delete");
  await page.keyboard.type(
    '{"depth": 9, "learning_rate": 0.25, "note": "42", "options": {"folds": [1], "deep": {"a": null}}, "extra": [true]}',
  );
  await page.getByRole("tab", { name: "Fields" }).click();
  await expect(page.getByLabel("depth")).toHaveValue("9");
  await expect(page.getByLabel("extra")).toHaveValue("[true]");
  await page.getByLabel("depth").fill("nine");
  await expect(page.getByRole("button", { name: "Run", exact: true }).last()).toBeDisabled();
  await page.getByLabel("depth").fill("10");
  await page.getByText("Name, labels, start").click();
  await page.getByLabel("Name of the run").fill("from the form");
  await page.getByLabel("Labels").fill("gpu, x");
  await page.getByRole("button", { name: "Run", exact: true }).last().click();
  await expect(page).toHaveURL(/flow-run\//);
  const id = page.url().split("/").pop()!;
  const { flow_run_by_pk: run } = await demo().ask(
    `{ flow_run_by_pk(id: "${id}") { name parameters labels state } }`,
  );
  expect(run).toEqual({
    name: "from the form",
    labels: ["gpu", "x"],
    state: "Scheduled",
    parameters: {
      depth: 10,
      learning_rate: 0.25,
      note: "42",
      options: { folds: [1], deep: { a: null } },
      extra: [true],
    },
  });
});

test("a page shows what happens elsewhere at once, in two tabs", async ({ page, context }) => {
  const flow = (
    await demo().ask('{ flow(where: {name: {_eq: "weekly-report"}, archived: {_eq: false}}) { id } }')
  ).flow[0].id;
  const made = await demo().ask(
    `mutation { create_flow_run(input: {flow_id: "${flow}", scheduled_start_time: "2040-01-01T00:00:00Z"}) { id } }`,
  );
  const id = made.create_flow_run.id;
  const other = await context.newPage();
  for (const one of [page, other]) {
    await one.goto(`${url()}/default/flow-run/${id}`);
    await expect(one.getByTestId("run-state")).toContainText("Scheduled");
  }
  await page.waitForTimeout(300); // the stream is open
  const started = Date.now();
  await demo().ask(
    `mutation { set_flow_run_states(input: {states: [{flow_run_id: "${id}", state: {type: "Running", message: "by hand"}}]}) { states { id } } }`,
  );
  await demo().ask(
    `mutation { write_run_logs(input: {logs: [{flow_run_id: "${id}", message: "a line that arrives"}]}) { success } }`,
  );
  for (const one of [page, other]) {
    await expect(one.getByTestId("run-state")).toContainText("Running");
    await expect(one.getByText("a line that arrives")).toBeVisible();
  }
  console.info(`    two tabs knew after ${Date.now() - started} ms`);
  expect(Date.now() - started).toBeLessThan(10_000);
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(other.getByTestId("run-state")).toContainText(/Cancel/);
});

test("runs are picked with the keyboard, and many are cancelled at once", async ({ page }) => {
  const flow = (
    await demo().ask('{ flow(where: {name: {_eq: "month-end"}, archived: {_eq: false}}) { id } }')
  ).flow[0].id;
  const ids: string[] = [];
  for (const name of ["many-1", "many-2"]) {
    const made = await demo().ask(
      `mutation { create_flow_run(input: {flow_id: "${flow}", flow_run_name: "${name}"}) { id } }`,
    );
    ids.push(made.create_flow_run.id);
  }
  await page.goto(`${url()}/default/runs?name=many-`);
  await expect(page.getByRole("link", { name: "many-1" })).toBeVisible();
  for (const key of ["j", "x", "j", "x"]) await page.keyboard.press(key);
  await expect(page.getByText("2 selected")).toBeVisible();
  await page.getByRole("button", { name: "Cancel 2" }).click();
  await expect.poll(async () => Promise.all(ids.map(stateOf))).toEqual(["Cancelled", "Cancelled"]);
});

test("the palette finds by name and by id, and keys lead to pages", async ({ page }) => {
  await page.goto(`${url()}/default`);
  await expect(page.getByRole("heading", { name: "Dashboard" })).toBeVisible();
  await page.keyboard.press("/");
  await page.getByRole("combobox", { name: "Search by name or id" }).fill("approve-rel");
  await expect(page.getByRole("option", { name: /approve-release/ })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(/\/flow\//);
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("ControlOrMeta+k");
  await page.getByRole("combobox", { name: "Search by name or id" }).fill(runOf("failed"));
  await expect(page.getByRole("option", { name: /run$/ })).toBeVisible();
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(runOf("failed")));
  await expect(page.getByRole("dialog")).toHaveCount(0);
  await page.keyboard.press("g");
  await page.keyboard.press("f");
  await expect(page).toHaveURL(/\/flows$/);
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
});

test("a schedule is switched off and on", async ({ page }) => {
  await page.goto(`${url()}/default/flows`);
  const toggle = page.getByRole("switch", { name: "Schedule of nightly-backup" });
  await expect(toggle).toBeChecked();
  await toggle.click();
  await expect(toggle).not.toBeChecked();
  const query =
    '{ flow(where: {name: {_eq: "nightly-backup"}, archived: {_eq: false}}) { is_schedule_active } }';
  expect((await demo().ask(query)).flow[0].is_schedule_active).toBe(false);
  await toggle.click();
  await expect(toggle).toBeChecked();
});

test("a value is set, and a secret is written and never shown", async ({ page }) => {
  await page.goto(`${url()}/default/settings/kv`);
  await page.getByLabel("Key", { exact: true }).fill("from-the-page");
  await page.getByLabel("Value, JSON or text").fill('{"a": [1]}');
  await page.getByRole("button", { name: "Set" }).click();
  await expect(page.getByRole("button", { name: "from-the-page", exact: true })).toBeVisible();
  const stored = await demo().ask('{ key_value(where: {key: {_eq: "from-the-page"}}) { value } }');
  expect(stored.key_value[0].value).toEqual({ a: [1] });
  await page.goto(`${url()}/default/settings/secrets`);
  await page.getByLabel("Name").fill("TOKEN");
  await page.getByLabel("Value, JSON or text").fill("very-secret");
  await page.getByRole("button", { name: "Set" }).click();
  await expect(page.getByRole("cell", { name: "TOKEN", exact: true })).toBeVisible();
  expect(await page.content()).not.toContain("very-secret");
  expect((await demo().ask('{ secret_value(name: "TOKEN") }')).secret_value).toBe("very-secret");
});

test("links of 1.x lead to their pages: with another slug, and with the id of a version", async ({
  page,
}) => {
  const group = await flowOf("etl-daily");
  await page.goto(`${url()}/some-other-tenant/flow-run/${runOf("failed")}?tab=details`);
  await expect(page).toHaveURL(`${url()}/default/flow-run/${runOf("failed")}?tab=details`);
  await page.goto(`${url()}/default/flow/${group}`);
  await expect(page.getByText("check quality")).toBeVisible();
  const { flow } = await demo().ask(
    `{ flow(where: {flow_group_id: {_eq: "${group}"}, version: {_eq: 1}}) { id } }`,
  );
  await page.goto(`${url()}/default/flow/${flow[0].id}?tab=settings`);
  await expect(page.getByLabel("Version", { exact: true })).toHaveValue("1");
});

test("what is not there is said", async ({ page }) => {
  await page.goto(`${url()}/default/flow-run/00000000-0000-0000-0000-000000000000`);
  await expect(page.getByText("There is no flow run of this id in this tenant.")).toBeVisible();
  await page.goto(`${url()}/default/nowhere`);
  await expect(page.getByText("There is no page at this address.")).toBeVisible();
});
