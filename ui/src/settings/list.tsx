/** A list of named things with a form to add one and a way to delete each. */
import { Trash2 } from "lucide-react";
import type { ReactNode } from "react";
import { useCanEdit } from "@/app/session";
import { IconButton, Panel, Skeleton } from "@/parts/basics";
import { Confirm } from "@/parts/modal";

interface Item {
  key: string;
  name: string;
  cells: ReactNode[];
  remove?: () => void;
}

interface Props {
  title: string;
  hint: ReactNode;
  columns: string[];
  items: Item[] | undefined;
  empty: string;
  what: string;
  warning: string;
  children?: ReactNode;
}

export function ListPanel({ title, hint, columns, items, empty, what, warning, children }: Props) {
  const canEdit = useCanEdit();
  return (
    <Panel title={title}>
      <div className="flex flex-col gap-3 p-3 text-sm">
        <div className="text-muted">{hint}</div>
        {canEdit && children}
      </div>
      {!items ? (
        <Skeleton rows={3} />
      ) : items.length === 0 ? (
        <p className="border-t border-line p-4 text-sm text-muted">{empty}</p>
      ) : (
        <div className="relative overflow-x-auto">
          <table className="w-full text-sm">
            <thead>
              <tr className="h-8 border-y border-line text-left text-xs text-muted">
                {columns.map((column) => (
                  <th key={column} className="px-3 font-medium">
                    {column}
                  </th>
                ))}
                <th className="w-10">
                  <span className="sr-only">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {items.map((item) => (
                <tr key={item.key} className="border-b border-line last:border-b-0">
                  {item.cells.map((cell, index) => (
                    <td key={index} className="max-w-96 [overflow-wrap:anywhere] px-3 py-1.5">
                      {cell}
                    </td>
                  ))}
                  <td className="pr-2 text-right">
                    {item.remove && canEdit && (
                      <Confirm
                        title={`Delete ${what} ${item.name}?`}
                        text={warning}
                        action="Delete"
                        onConfirm={item.remove}
                        trigger={(open) => (
                          <IconButton label={`Delete ${item.name}`} onClick={open}>
                            <Trash2 size={14} />
                          </IconButton>
                        )}
                      />
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}

/** A form of one line; it is emptied when it was sent. */
export function LineForm({
  onSubmit,
  children,
}: {
  onSubmit: (data: FormData) => void;
  children: ReactNode;
}) {
  return (
    <form
      className="flex flex-wrap items-end gap-2"
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit(new FormData(event.currentTarget));
        event.currentTarget.reset();
      }}
    >
      {children}
    </form>
  );
}
