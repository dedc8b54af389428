import { describe, expect, it } from "vitest";
import { inOrder } from "@/flow/order";
import { fits } from "@/lib/labels";
import { clockWords } from "@/lib/schedule";
import { family, word } from "@/lib/states";
import { count, duration, relative } from "@/lib/time";
import { pieces } from "@/parts/ansi";
import { isWebLink } from "@/parts/links";

describe("times", () => {
  it("are as long as they need to be", () => {
    expect([400, 12_000, 64_000, 7_500_000, 273_600_000].map(duration)).toEqual([
      "0.4s",
      "12s",
      "1m 04s",
      "2h 05m",
      "3d 04h",
    ]);
    expect(duration(undefined)).toBe("–");
    expect(duration(-5)).toBe("0s");
  });

  it("say whether they are to come", () => {
    expect(relative(1_000_000, 1_000_500)).toBe("now");
    expect(relative(0, 12_000)).toBe("12s ago");
    expect(relative(3_600_000, 0)).toBe("in 1h");
  });

  it("and counts have thin spaces", () => {
    expect(count(1234567)).toBe("1\u2009234\u2009567");
  });
});

describe("states", () => {
  it("that nobody knows wait, and do not break the page", () => {
    expect(family("SomethingNew")).toBe("waiting");
    expect(word("SomethingNew")).toBe("SomethingNew");
    expect(word(null)).toBe("Pending");
  });
});

describe("agents", () => {
  it("take runs all of whose labels they have, and those with labels none without", () => {
    expect(fits([], [])).toBe(true);
    expect(fits(["a"], [])).toBe(false);
    expect(fits(["a", "b"], ["a"])).toBe(true);
    expect(fits(["a"], ["a", "b"])).toBe(false);
  });
});

describe("log lines", () => {
  it("keep their colours and lose every other control", () => {
    expect(pieces("\u001b[31mred\u001b[0m plain")).toEqual([
      { text: "red", className: "text-bad" },
      { text: " plain", className: "" },
    ]);
    const text = pieces("a\u001b[2J\u001b]0;title\u0007b\u0000c\u001b[1;32md")
      .map((one) => one.text)
      .join("");
    expect(text).toBe("abcd");
  });
});

describe("links", () => {
  it("lead to the web and nowhere else", () => {
    for (const good of ["https://example.com", "http://a/b?c#d", "HTTPS://EXAMPLE.COM"])
      expect(isWebLink(good)).toBe(true);
    for (const bad of [
      "javascript:alert(1)",
      "java\nscript:alert(1)",
      " \u0001javascript:x",
      "data:text/html,x",
      "//example.com",
      "/local",
      "vbscript:x",
      "",
      null,
      5,
      {},
      "blob:https://x",
    ])
      expect(isWebLink(bad)).toBe(false);
  });
});

describe("schedules", () => {
  it("are said in words, also those that are wrong", () => {
    expect(clockWords({ cron: "0 6 * * *" })).toBe("At 06:00");
    expect(clockWords({ cron: "nonsense" })).toBe("nonsense");
    expect(clockWords({ interval: 3_600_000_000 })).toBe("Every 1h");
  });
});

describe("tasks", () => {
  it("stand in an order in which they can run, without parameters", () => {
    const tasks = ["c", "p", "b", "a"].map((id) => ({
      id,
      slug: id,
      name: id,
      type: id === "p" ? "prefect.core.parameter.Parameter" : "x",
    }));
    const edges = [
      ["a", "b"],
      ["b", "c"],
      ["p", "c"],
    ].map(([from, to]) => ({ upstream_task_id: from!, downstream_task_id: to! }));
    expect(inOrder(tasks, edges).map((task) => task.id)).toEqual(["a", "b", "c"]);
  });
});
