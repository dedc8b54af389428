/** The sheet of keyboard shortcuts. */
import { Modal } from "@/parts/modal";

const KEYS: [string, [string, string][]][] = [
  [
    "Everywhere",
    [
      ["⌘ K  /", "search, and go anywhere"],
      ["g d", "dashboard"],
      ["g f", "flows"],
      ["g r", "runs"],
      ["g a", "agents"],
      ["g c", "calendar"],
      ["g s", "settings"],
      ["?", "this sheet"],
    ],
  ],
  [
    "Lists",
    [
      ["j  k", "next and previous row"],
      ["enter", "open the row"],
      ["x", "select the row"],
    ],
  ],
  [
    "A run",
    [
      ["j  k", "next and previous run of the flow"],
      ["r", "restart, or run the flow"],
      ["l", "logs"],
    ],
  ],
  [
    "Logs",
    [
      ["f", "find"],
      ["n  N", "next and previous match"],
      ["w", "wrap long lines"],
      ["G", "the end, and follow"],
    ],
  ],
];

export function KeysSheet({
  isOpen,
  onOpenChange,
}: {
  isOpen: boolean;
  onOpenChange: (open: boolean) => void;
}) {
  return (
    <Modal title="Keyboard shortcuts" isOpen={isOpen} onOpenChange={onOpenChange}>
      <div className="grid grid-cols-1 gap-6 sm:grid-cols-2">
        {KEYS.map(([title, rows]) => (
          <section key={title}>
            <h3 className="mb-2 text-sm font-semibold">{title}</h3>
            <dl className="grid grid-cols-[5rem_1fr] gap-y-1.5 text-sm">
              {rows.map(([keys, what]) => (
                <div key={keys} className="contents">
                  <dt className="font-mono text-xs leading-5">{keys}</dt>
                  <dd className="text-muted">{what}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Modal>
  );
}
