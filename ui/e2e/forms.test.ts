/** Forms that have a face of fields and one of JSON, or that say what they mean before they are sent. */
import { demo, expect, flowOf, test, url } from "./demo";

test("a run config is written as fields and as JSON, and the run has it", async ({ page }) => {
  await page.goto(`${url()}/default/flow/${await flowOf("sync-warehouse")}?tab=run`);
  await page.getByText("Name, labels, start").click();
  const kind = page.getByLabel("Kind of run config");
  for (const [one, field] of [
    ["VertexRun", "Machine type"],
    ["ECSRun", "Task role ARN"],
    ["LocalRun", "Working directory"],
    ["KubernetesRun", "CPU request"],
    ["DockerRun", "Ports"],
  ] as const) {
    await kind.selectOption(one);
    await expect(page.getByLabel(field)).toBeVisible();
  }
  await page.getByLabel("Image", { exact: false }).fill("registry.example.com/flows:3");
  await page.getByLabel("Ports").fill("80, x");
  await expect(page.getByText("These have to be whole numbers")).toBeVisible();
  await expect(page.getByRole("button", { name: "Run", exact: true }).last()).toBeDisabled();
  await page.getByLabel("Ports").fill("80, 443");
  await page.getByLabel("Environment").fill('{"A": "1"}');
  await page.getByRole("button", { name: "as JSON" }).click();
  const editor = page.getByRole("textbox", { name: "Run config as JSON" });
  await expect(editor).toContainText("443");
  await editor.press("ControlOrMeta+a");
  await editor.press("Delete");
  await page.keyboard.type(
    '{"type": "DockerRun", "image": "b:2", "ports": [81], "env": {"A": "2"}, "labels": ["warehouse"]}',
  );
  await page.getByRole("button", { name: "as fields" }).click();
  await expect(page.getByLabel("Image", { exact: false })).toHaveValue("b:2");
  await page.getByLabel("Log level").selectOption("DEBUG");
  await page.getByRole("button", { name: "Run", exact: true }).last().click();
  await expect(page).toHaveURL(/flow-run\//);
  const id = page.url().split("/").pop()!.split("?")[0];
  const { flow_run_by_pk: run } = await demo().ask(`{ flow_run_by_pk(id: "${id}") { run_config labels } }`);
  expect(run.run_config).toEqual({
    type: "DockerRun",
    image: "b:2",
    ports: [81],
    env: { A: "2", PREFECT__LOGGING__LEVEL: "DEBUG" },
    labels: ["warehouse"],
  });
});

test("a schedule by a rule says when it would run before it is saved, with parameters and labels", async ({
  page,
}) => {
  const group = await flowOf("month-end");
  await page.goto(`${url()}/default/flow/${group}?tab=schedules`);
  await page.getByRole("button", { name: "Add a clock" }).click();
  await page.getByLabel("Kind of clock").last().selectOption("rrule");
  const rule = page.getByLabel("Recurrence rule", { exact: true });
  const preview = page.getByTestId("preview");
  await rule.fill("FREQ=OFTEN");
  await expect(preview).toContainText("no recurrence rule");
  await rule.fill("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30");
  await expect(preview).toContainText("Never");
  await rule.fill("FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=14;BYHOUR=15;BYMINUTE=9;BYSECOND=0");
  await page.getByText("Parameters and labels of its runs").last().click();
  await page.getByLabel("Parameters of its runs").last().fill('{"region": "eu"}');
  await page.getByLabel("Labels of its runs").last().fill("pie");
  await page.getByLabel("Time zone").selectOption("UTC");
  await expect(preview.getByText(/-03-14 15:09/).first()).toBeVisible();
  await expect(preview).toContainText('{"region":"eu"}');
  await expect(preview).toContainText("pie");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("Schedule, set here")).toBeVisible();
  const { flow_group_by_pk: stored } = await demo().ask(`{ flow_group_by_pk(id: "${group}") { schedule } }`);
  expect(stored.schedule.clocks.at(-1)).toMatchObject({
    type: "RRuleClock",
    parameter_defaults: { region: "eu" },
    labels: ["pie"],
  });
  await page.reload();
  await expect(rule).toHaveValue(/FREQ=YEARLY;/);
  await expect(page.getByLabel("Time zone")).toHaveValue("UTC");
});
