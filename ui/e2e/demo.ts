/** What tests share: the server of the demo, its runs, and a page that must not complain. */
import { test as base, type ConsoleMessage, type Page } from "@playwright/test";
import { Server } from "./servers";

export const url = (): string => process.env.UI_URL!;

export const demo = (): Server =>
  new Server(process.env.UI_DIRECTORY!, Number(new URL(process.env.UI_URL!).port));

/** Id of one of the runs that the demo names: failed, running, paused, late, mapped, … */
export const runOf = (title: string): string => JSON.parse(process.env.UI_RUNS!)[title];

export async function flowOf(name: string): Promise<string> {
  const data = await demo().ask(
    `{ flow(where: {name: {_eq: ${JSON.stringify(name)}}, archived: {_eq: false}}) { flow_group_id } }`,
  );
  return data.flow[0].flow_group_id;
}

export function complaints(page: Page): string[] {
  const found: string[] = [];
  page.on("pageerror", (error) => found.push(`page: ${error.message}`));
  page.on("console", (message: ConsoleMessage) => {
    // A server that restarts is no fault of the page.
    if (message.type() === "error" && !/Failed to load resource|ERR_/.test(message.text()))
      found.push(message.text());
  });
  return found;
}

/** A page; the test fails when something in it throws or breaks the content security policy. */
export const test = base.extend({
  page: async ({ page }, use) => {
    const found = complaints(page);
    await use(page);
    if (found.length) throw new Error(`The page complained:\n${found.join("\n")}`);
  },
});

export { expect } from "@playwright/test";
