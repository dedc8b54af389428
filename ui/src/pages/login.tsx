import { useNavigate, useSearch } from "@tanstack/react-router";
import { KeyRound } from "lucide-react";
import { type FormEvent, useState } from "react";
import { logIn } from "@/app/session";
import { Button, Command, Field, inputClass } from "@/parts/basics";

export function LoginPage() {
  const { next } = useSearch({ strict: false }) as { next?: string };
  const navigate = useNavigate();
  const [key, setKey] = useState("");
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    const refused = await logIn(key).catch((error) => String(error));
    setBusy(false);
    if (refused) {
      setProblem(refused);
      return;
    }
    // Only paths of this server: an address that somebody sent must not lead elsewhere.
    const target = next?.startsWith("/") && !next.startsWith("//") && !next.startsWith("/\\") ? next : "/";
    void navigate({ href: target, replace: true } as any);
  }

  return (
    <main className="mx-auto flex min-h-full max-w-sm flex-col justify-center gap-6 p-4">
      <div className="flex items-center gap-2 text-lg font-semibold">
        <span aria-hidden className="text-running">
          ◇
        </span>
        <h1>Prefect Classic</h1>
      </div>
      <form onSubmit={submit} className="flex flex-col gap-4">
        <Field
          label="API key"
          hint="It is exchanged for a session of this browser and is not kept."
          error={problem}
        >
          <input
            className={inputClass}
            type="password"
            name="key"
            autoComplete="current-password"
            required
            value={key}
            onChange={(event) => setKey(event.target.value)}
          />
        </Field>
        <Button kind="primary" type="submit" disabled={isBusy || !key.trim()} icon={<KeyRound size={14} />}>
          Log in
        </Button>
      </form>
      <div className="text-sm text-muted">
        <p className="mb-2">No key? Where the server runs, this makes one:</p>
        <Command text="prefect server create-key admin" />
      </div>
    </main>
  );
}
