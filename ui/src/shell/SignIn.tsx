import { Button, Checkbox, PasswordInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { ApiError, api, ask } from "@/api";
import { Logo } from "./Logo";
import { WHOAMI } from "./session";

const HOURS = { day: 12, month: 24 * 30 };

/** Takes a key. The address stays what it was, so that one goes on where one wanted to. */
export function SignIn({ reason }: { reason: ApiError | null }) {
  const client = useQueryClient();
  const [key, setKey] = useState("");
  const [stays, setStays] = useState(false);
  const [error, setError] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  // Without any credential there is nothing to explain.
  const said = reason && !reason.message.startsWith("no key was sent") ? reason.message : null;

  async function submit(event: React.FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    try {
      const body = { key, hours: stays ? HOURS.month : HOURS.day };
      const session = await ask(api.POST("/api/v1/sign-in", { body }));
      // What another key has seen is gone; who is signed in is watched, and so is changed in place.
      client.removeQueries({ predicate: (query) => query.queryKey[0] !== WHOAMI[0] });
      client.setQueryData(WHOAMI, session);
    } catch (caught) {
      setError(caught instanceof ApiError ? caught.message : String(caught));
      setBusy(false);
    }
  }

  return (
    <main className="hg-sign-in">
      <form onSubmit={(event) => void submit(event)} aria-labelledby="sign-in-title">
        <Logo size={36} />
        <h1 id="sign-in-title">Sign in to Headgate</h1>
        {said && !error && (
          <p className="hg-soft" role="status">
            {said}
          </p>
        )}
        <PasswordInput
          label="Key"
          description="The admin key is in admin.key in the data folder; any other key shows what its role may see."
          placeholder="hg_..."
          value={key}
          onChange={(event) => setKey(event.currentTarget.value)}
          error={error}
          autoComplete="current-password"
          visibilityToggleButtonProps={{ "aria-label": "show the key" }}
          data-autofocus
          autoFocus
          required
        />
        <Checkbox
          label="Stay signed in for 30 days"
          checked={stays}
          onChange={(event) => setStays(event.currentTarget.checked)}
        />
        <Button type="submit" loading={isBusy} fullWidth>
          Sign in
        </Button>
      </form>
    </main>
  );
}
