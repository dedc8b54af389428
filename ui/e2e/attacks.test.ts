/** Scripts of others in everything that others write: none runs. */
import { test as plain } from "@playwright/test";
import { demo, expect, runOf, test, url } from "./demo";

const MARK = "window.attacked=1";

/** Ways to run a script, and ways to hide them. */
function corpus(): string[] {
  const scripts = [
    `<script>${MARK}</script>`,
    `<img src=x onerror="${MARK}">`,
    `<svg onload="${MARK}">`,
    `<svg><animate onbegin="${MARK}" attributeName=x dur=1s>`,
    `<iframe srcdoc="<script>parent.attacked=1</script>"></iframe>`,
    `<iframe src="javascript:parent.attacked=1"></iframe>`,
    `<object data="javascript:${MARK}"></object>`,
    `<embed src="javascript:${MARK}">`,
    `<a href="javascript:${MARK}">x</a>`,
    `<form action="javascript:${MARK}"><button>x</button></form>`,
    `<details open ontoggle="${MARK}">`,
    `<video><source onerror="${MARK}"></video>`,
    `<input autofocus onfocus="${MARK}">`,
    `<math><mtext><table><mglyph><style><img src=x onerror="${MARK}">`,
    `<style>@import "javascript:${MARK}"</style>`,
    `<link rel=stylesheet href="javascript:${MARK}">`,
    `<meta http-equiv=refresh content="0;url=javascript:${MARK}">`,
    `<base href="javascript:${MARK}//">`,
    `[x](javascript:${MARK})`,
    `![x](javascript:${MARK})`,
    `[x](data:text/html;base64,PHNjcmlwdD5wYXJlbnQuYXR0YWNrZWQ9MTwvc2NyaXB0Pg==)`,
    `<javascript:${MARK}>`,
    `[x]: javascript:${MARK}\n[x]`,
    `{{constructor.constructor('${MARK}')()}}`,
    `\${${MARK}}`,
  ];
  const hide: ((text: string) => string)[] = [
    (text) => text,
    (text) => text.toUpperCase().replaceAll("WINDOW.ATTACKED", "window.attacked"),
    (text) => `"'>${text}`,
    (text) => `</title></textarea></style>${text}`,
    (text) => text.replaceAll("javascript:", "java\tscript:"),
    (text) => text.replaceAll("javascript:", " \u0001javascript:"),
    (text) => text.replaceAll("javascript:", "&#106;avascript:"),
    (text) => text.replaceAll("<", "<\u0000").replaceAll("javascript:", "vbscript:"),
    (text) => `\`\`\`html\n${text}\n\`\`\`\n${text}`,
    (text) => `| a |\n|---|\n| ${text.replaceAll("\n", " ")} |`,
    (text) => `\u001b[31m${text}\u001b]8;;javascript:${MARK}\u0007x`,
    (text) => `<!--><${text}-->${text}`,
    (text) => `<noscript><p title="</noscript>${text}">`,
    (text) => `&lt;b&gt;${text}`,
    (text) => encodeURIComponent(text),
    (text) => text.replaceAll(" on", "\u000con"),
    (text) => text.replaceAll("<", "\uff1c<"),
    (text) => `# ${text}\n> ${text}\n- ${text}`,
    (text) => `<div>${text}</div>`,
    (text) => text.replaceAll('"', "`"),
  ];
  return scripts.flatMap((script) => hide.map((way) => way(script)));
}

test("500 attacks in logs, artifacts, names, parameters, labels and messages run nothing", async ({
  page,
}) => {
  const attacks = corpus();
  expect(attacks.length).toBeGreaterThanOrEqual(500);
  const server = demo();
  const flow = (
    await server.ask('{ flow(where: {name: {_eq: "weekly-report"}, archived: {_eq: false}}) { id } }')
  ).flow[0].id;
  const made = await server.ask(
    "mutation($input: create_flow_run_input!) { create_flow_run(input: $input) { id } }",
    {
      input: {
        flow_id: flow,
        flow_run_name: attacks[1],
        parameters: Object.fromEntries(attacks.slice(0, 200).map((one, index) => [`${index}${one}`, one])),
        labels: attacks.slice(0, 40),
        context: { text: attacks.slice(0, 40) },
      },
    },
  );
  const id = made.create_flow_run.id;
  await server.ask(
    "mutation($states: [set_flow_run_state_input!]!) { set_flow_run_states(input: {states: $states}) { states { id } } }",
    {
      states: [
        { flow_run_id: id, state: { type: "Running", message: attacks[0] } },
        { flow_run_id: id, state: { type: "Failed", message: attacks.slice(0, 30).join(" ") } },
      ],
    },
  );
  await server.ask(
    "mutation($logs: [write_run_log_input!]!) { write_run_logs(input: {logs: $logs}) { success } }",
    {
      logs: attacks.map((message, index) => ({
        flow_run_id: id,
        message,
        name: message,
        level: "ERROR",
        sequence: index,
      })),
    },
  );
  const { task_run } = await server.ask(
    `{ task_run(where: {flow_run_id: {_eq: "${id}"}}, limit: 1) { id } }`,
  );
  const leave =
    "mutation($input: create_task_run_artifact_input!) { create_task_run_artifact(input: $input) { id } }";
  for (let start = 0; start < attacks.length; start += 50)
    await server.ask(leave, {
      input: {
        task_run_id: task_run[0].id,
        kind: "markdown",
        data: { markdown: attacks.slice(start, start + 50).join("\n\n") },
      },
    });
  for (const link of attacks.filter((one) => one.includes("script")).slice(0, 60))
    await server.ask(leave, { input: { task_run_id: task_run[0].id, kind: "link", data: { link } } });
  for (const link of [`javascript:${MARK}`, `\u0001javascript:${MARK}`, "data:text/html,x"])
    await server.ask(leave, { input: { task_run_id: task_run[0].id, kind: "link", data: { link } } });
  await server.ask(
    "mutation($key: String!, $value: JSON) { set_key_value(input: {key: $key, value: $value}) { id } }",
    { key: attacks[2], value: attacks.slice(0, 60) },
  );

  const attacked = () => page.evaluate(() => (window as any).attacked);
  for (const tab of ["timeline", "graph", "tasks", "logs", "artifacts", "details"]) {
    await page.goto(`${url()}/default/flow-run/${id}?tab=${tab}`);
    await expect(page.getByTestId("run-state")).toContainText("Failed");
    if (tab === "artifacts") await expect(page.locator(".markdown").nth(9)).toBeAttached();
    if (tab === "logs")
      for (const share of [0, 0.25, 0.5, 0.75, 1]) {
        await page.getByRole("log").evaluate((box, at) => box.scrollTo(0, at * box.scrollHeight), share);
        await page.waitForTimeout(100);
      }
    expect(await attacked(), tab).toBeUndefined();
    const links = await page
      .locator("#tab-panel a[href]")
      .evaluateAll((all) => all.map((one) => (one as HTMLAnchorElement).href));
    for (const link of links) expect(link).toMatch(/^https?:\/\//);
    for (const link of await page.locator('#tab-panel a[target="_blank"]').all())
      await expect(link).toHaveAttribute("rel", /noopener/);
    expect(
      await page
        .locator("#tab-panel :is(script, iframe, object, embed, form[action], base, meta, link)")
        .count(),
    ).toBe(0);
  }
  for (const path of [
    `task-run/${task_run[0].id}?tab=artifacts`,
    "runs",
    "",
    "settings/kv",
    `flow-run/${runOf("late")}`,
  ]) {
    await page.goto(`${url()}/default/${path}`);
    await page.waitForTimeout(500);
    expect(await attacked(), path).toBeUndefined();
  }
  await server.ask(`mutation { delete_flow_run(input: {flow_run_id: "${id}"}) { success } }`);
});

plain("a script that is put into the page does not run either: the policy forbids it", async ({ page }) => {
  await page.goto(`${url()}/default`);
  const ran = await page.evaluate(async (mark) => {
    document.body.insertAdjacentHTML("beforeend", `<img src="data:," onerror="${mark}">`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    return (window as any).attacked;
  }, MARK);
  expect(ran).toBeUndefined();
  const policy = (await page.request.get(`${url()}/default`, { headers: { accept: "text/html" } })).headers()[
    "content-security-policy"
  ];
  expect(policy).toContain("script-src 'self';");
});
