import { expect, test } from "vitest";
import { KINDS, quoted } from "@/agents/commands";

const where = { address: "https://flows.example.com/api", requiresKeys: true, labels: ["gpu", "o'brien x"] };

test("commands of every kind have the address, the labels and the key in them", () => {
  for (const kind of KINDS) {
    for (const step of kind.steps({ ...where, key: "pc_123" })) {
      expect(step).toContain(`prefect agent ${kind.key}`);
      expect(step).toContain(where.address);
      expect(step).toContain("pc_123");
      expect(step).toContain("--label gpu");
    }
  }
});

test("without keys nothing asks for one, and before one is made its place is named", () => {
  for (const kind of KINDS) {
    expect(kind.steps({ ...where, requiresKeys: false }).join("\n")).not.toMatch(/key/i);
    expect(kind.steps(where).join("\n")).toContain("YOUR_API_KEY");
  }
});

test("a label stays one word of the shell, whatever is in it", () => {
  expect(quoted("a.b-c_d/1")).toBe("a.b-c_d/1");
  expect(quoted("two words")).toBe("'two words'");
  expect(quoted("$(rm x); 'y'")).toBe("'$(rm x); '\\''y'\\'''");
  expect(quoted("")).toBe("''");
});
