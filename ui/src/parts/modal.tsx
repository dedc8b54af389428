/** Dialogs. */
import { Dialog } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import { type ReactNode, useState } from "react";
import { Button, cx } from "./basics";

interface ModalProps {
  title: string;
  isOpen: boolean;
  onOpenChange: (open: boolean) => void;
  children: ReactNode;
  isWide?: boolean;
}

export function Modal({ title, isOpen, onOpenChange, children, isWide }: ModalProps) {
  return (
    <Dialog.Root open={isOpen} onOpenChange={onOpenChange}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/40" />
        <Dialog.Popup
          className={cx(
            "fixed left-1/2 top-[8vh] z-40 flex max-h-[84vh] w-[calc(100vw-2rem)] -translate-x-1/2 flex-col rounded-md border border-line-strong bg-raised shadow-xl outline-none",
            isWide ? "max-w-3xl" : "max-w-xl",
          )}
        >
          <div className="flex h-12 shrink-0 items-center justify-between border-b border-line px-4">
            <Dialog.Title className="font-semibold">{title}</Dialog.Title>
            <Dialog.Close aria-label="Close" className="rounded-md p-1.5 text-muted hover:bg-hover">
              <X size={16} />
            </Dialog.Close>
          </div>
          <div className="min-h-0 overflow-y-auto p-4">{children}</div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

/** A button that asks before it does what cannot be undone. */
export function Confirm({
  trigger,
  title,
  text,
  action,
  onConfirm,
}: {
  trigger: (open: () => void) => ReactNode;
  title: string;
  text: ReactNode;
  action: string;
  onConfirm: () => void;
}) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      {trigger(() => setOpen(true))}
      <Modal title={title} isOpen={isOpen} onOpenChange={setOpen}>
        <div className="mb-4 text-sm">{text}</div>
        <div className="flex justify-end gap-2">
          <Button onClick={() => setOpen(false)}>Keep</Button>
          <Button
            kind="danger"
            onClick={() => {
              setOpen(false);
              onConfirm();
            }}
          >
            {action}
          </Button>
        </div>
      </Modal>
    </>
  );
}
