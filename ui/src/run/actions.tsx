/** What can be done with a flow run, and nothing that cannot. */
import { Menu } from "@base-ui/react/menu";
import { Hand, MoreHorizontal, Play, RotateCcw, Square } from "lucide-react";
import { useState } from "react";
import { send } from "@/api/fetch";
import { queryClient, useAct } from "@/api/query";
import { useGo } from "@/app/link";
import { useCanEdit } from "@/app/session";
import { MenuPopup, menuItem } from "@/app/shell";
import { useKeys } from "@/app/use-keys";
import { graphql } from "@/gql";
import { hasEnded } from "@/lib/states";
import { Button, cx, Field, inputClass } from "@/parts/basics";
import { Confirm, Modal } from "@/parts/modal";
import { toast } from "@/parts/toast";
import { CANCEL, DELETE_RUN, RENAME_RUN, RESTART, SET_RUN_STATE, SET_TASK_RUN_STATES } from "./queries";

const PAUSED = graphql(`
  query PausedTasks($id: uuid!) {
    task_run(where: { flow_run_id: { _eq: $id }, state: { _eq: "Paused" } }, limit: 1000) { id }
  }
`);

interface Run {
  id: string;
  name: string;
  state?: string | null;
  flow?: { archived: boolean } | null;
}

const MARKS = ["Success", "Failed", "Cancelled", "Skipped"];

/** Lets paused task runs of a flow run go on, and the flow run with them. */
export async function approve(runId: string): Promise<void> {
  const paused = (await send(PAUSED, { id: runId })).task_run;
  const state = { type: "Resume", message: "Approved in the UI." };
  if (paused.length)
    await send(SET_TASK_RUN_STATES, { states: paused.map((one) => ({ task_run_id: one.id, state })) });
  await send(SET_RUN_STATE, { id: runId, state });
}

export function useRunActions(run: Run) {
  const restart = useAct(RESTART, (result) =>
    toast(`Restarted: ${result.restart_flow_run?.task_runs ?? 0} task runs will run again.`),
  );
  const cancel = useAct(CANCEL, "Cancelling.");
  const mark = useAct(SET_RUN_STATE);
  return {
    restart: (fromStart = false) => restart.mutate({ id: run.id, fromStart }),
    cancel: () => cancel.mutate({ id: run.id }),
    mark: (type: string) => mark.mutate({ id: run.id, state: { type, message: "Set in the UI." } }),
    runNow: () =>
      mark.mutate({
        id: run.id,
        state: { type: "Scheduled", message: "Run now.", start_time: new Date().toISOString() },
      }),
    approve: () =>
      void approve(run.id).then(
        () => queryClient.invalidateQueries(),
        (error) => toast(error.message, "bad"),
      ),
    isBusy: restart.isPending || cancel.isPending || mark.isPending,
  };
}

export function RunActions({ run }: { run: Run }) {
  const canEdit = useCanEdit();
  const act = useRunActions(run);
  const ended = hasEnded(run.state);
  const isArchived = run.flow?.archived ?? false;
  useKeys(canEdit && ended && !isArchived ? { r: () => act.restart() } : {});
  if (!canEdit) return null;
  return (
    <div className="flex shrink-0 items-center gap-2">
      {run.state === "Paused" && (
        <Button kind="primary" icon={<Hand size={14} />} onClick={act.approve} disabled={act.isBusy}>
          Approve
        </Button>
      )}
      {ended && !isArchived && run.state !== "Success" && (
        <Button
          kind="primary"
          icon={<RotateCcw size={14} />}
          onClick={() => act.restart()}
          disabled={act.isBusy}
        >
          Restart
        </Button>
      )}
      {run.state === "Scheduled" && (
        <Button icon={<Play size={14} />} onClick={act.runNow} disabled={act.isBusy}>
          Run now
        </Button>
      )}
      {!ended && (
        <Button
          icon={<Square size={12} />}
          onClick={act.cancel}
          disabled={act.isBusy || run.state === "Cancelling"}
        >
          Cancel
        </Button>
      )}
      <MoreActions run={run} ended={ended} isArchived={isArchived} act={act} />
    </div>
  );
}

interface MoreProps {
  run: Run;
  ended: boolean;
  isArchived: boolean;
  act: ReturnType<typeof useRunActions>;
}

function MoreActions({ run, ended, isArchived, act }: MoreProps) {
  const go = useGo();
  const [isRenaming, setRenaming] = useState(false);
  const remove = useAct(DELETE_RUN, () => {
    toast(`${run.name} is deleted.`);
    go("runs");
  });
  return (
    <Confirm
      title={`Delete ${run.name}?`}
      text="The run goes, with its task runs, logs and artifacts. This cannot be undone."
      action="Delete the run"
      onConfirm={() => remove.mutate({ id: run.id })}
      trigger={(openDelete) => (
        <>
          <Menu.Root>
            <Menu.Trigger
              aria-label="More actions"
              className="inline-flex size-8 items-center justify-center rounded-md border border-line-strong hover:bg-hover"
            >
              <MoreHorizontal size={15} />
            </Menu.Trigger>
            <MenuPopup>
              {ended && !isArchived && (
                <Menu.Item className={menuItem} onClick={() => act.restart(true)}>
                  Restart from the start
                </Menu.Item>
              )}
              {MARKS.map((state) => (
                <Menu.Item key={state} className={menuItem} onClick={() => act.mark(state)}>
                  Mark as {state.toLowerCase()}
                </Menu.Item>
              ))}
              <Menu.Item className={menuItem} onClick={() => setRenaming(true)}>
                Rename
              </Menu.Item>
              <Menu.Item className={cx(menuItem, "text-bad")} onClick={openDelete}>
                Delete
              </Menu.Item>
            </MenuPopup>
          </Menu.Root>
          <Rename run={run} isOpen={isRenaming} onOpenChange={setRenaming} />
        </>
      )}
    />
  );
}

function Rename({
  run,
  isOpen,
  onOpenChange,
}: {
  run: Run;
  isOpen: boolean;
  onOpenChange: (open: boolean) => void;
}) {
  const [name, setName] = useState(run.name);
  const rename = useAct(RENAME_RUN, () => onOpenChange(false));
  return (
    <Modal title="Rename the run" isOpen={isOpen} onOpenChange={onOpenChange}>
      <form
        className="flex flex-col gap-4"
        onSubmit={(event) => {
          event.preventDefault();
          rename.mutate({ id: run.id, name });
        }}
      >
        <Field label="Name">
          <input
            className={inputClass}
            value={name}
            onChange={(event) => setName(event.target.value)}
            required
          />
        </Field>
        <Button kind="primary" type="submit" className="self-end">
          Rename
        </Button>
      </form>
    </Modal>
  );
}
