import { useMutation, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { type Schemas, api, ask } from "@/api";
import { CopyButton } from "@/core/CopyButton";
import { Failed } from "@/core/States";
import { Duration, Status } from "@/core/Values";
import { useMay } from "@/shell/session";
import { To } from "@/shell/To";
import { useShared } from "@/shell/view";
import { snippetsOf } from "./snippets";

const NO_KEY = "hg_...";

/** With nothing on record: what to paste, and the key that it takes. It goes away with the first call. */
export function FirstRun({ hasTraces }: { hasTraces: boolean }) {
  const [key, setKey] = useState<string | null>(null);
  const [chosen, setChosen] = useState(0);
  const model = useExampleModel();
  const snippets = useMemo(() => snippetsOf(window.location.origin, key ?? NO_KEY, model), [key, model]);
  const snippet = snippets[chosen] ?? snippets[0];
  const mayMake = useMay("keys:write");
  return (
    <div className="hg-first-run">
      <h1>Make the first call</h1>
      <p className="hg-soft">
        Clients stay as they are, but for where they point. This page turns into the overview when the first call
        is on record.
      </p>
      {hasTraces && (
        <p className="hg-note" role="status">
          Traces have come: <To path="/traces">Traces</To> shows their calls, and what these cost. The overview counts calls that go
          through Headgate.
        </p>
      )}
      <h2>1. A key</h2>
      {mayMake ? <MakeKey made={key} onMade={setKey} /> : <p>Take the key that you have signed in with.</p>}
      <h2>2. What to paste</h2>
      <div className="hg-by" role="group" aria-label="SDK">
        {snippets.map((each, place) => (
          <button
            key={each.name}
            type="button"
            className="hg-button hg-quiet-button"
            aria-pressed={place === chosen}
            onClick={() => setChosen(place)}
          >
            {each.name}
          </button>
        ))}
      </div>
      {snippet && (
        <div className="hg-snippet">
          <pre tabIndex={0} aria-label={`what to paste for ${snippet.name}`}>
            {snippet.text}
          </pre>
          <CopyButton text={snippet.text} title="Copy" />
          {snippet.install && (
            <span className="hg-soft">
              after <code>{snippet.install}</code>
            </span>
          )}
        </div>
      )}
      <p className="hg-first-wait" role="status">
        <span className="hg-pulse" aria-hidden="true" /> Waiting for the first call ...
      </p>
    </div>
  );
}

/** The first alias, or whatever can be asked for. */
function useExampleModel(): string {
  const found = useQuery({
    queryKey: ["models"],
    queryFn: () => ask(api.GET("/api/v1/models")),
    enabled: useMay("models:read"),
    staleTime: 60_000,
  });
  return found.data?.items[0]?.id ?? "mock/mock";
}

function MakeKey({ made, onMade }: { made: string | null; onMade: (key: string) => void }) {
  const { project } = useShared();
  const [name, setName] = useState("my-app");
  const making = useMutation({
    mutationFn: async () => {
      const body = { name, ...(project ? { project } : {}) };
      return (await ask(api.POST("/api/v1/keys", { body: body as Schemas["CreateKey"] }))).key;
    },
    onSuccess: onMade,
  });
  if (made !== null) {
    return (
      <div className="hg-snippet">
        <pre tabIndex={0} aria-label="the key">
          {made}
        </pre>
        <CopyButton text={made} title="Copy the key" />
        <span className="hg-soft">It is shown this once, and stands in the lines below.</span>
      </div>
    );
  }
  return (
    <form
      className="hg-make-key"
      onSubmit={(event) => {
        event.preventDefault();
        making.mutate();
      }}
    >
      <label>
        For{" "}
        <input
          className="hg-input"
          aria-label="name of the key"
          value={name}
          required
          maxLength={100}
          onChange={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <button type="submit" className="hg-button hg-primary-button" disabled={making.isPending}>
        Make a key
      </button>
      {making.error && <Failed error={making.error} />}
    </form>
  );
}

/** Said once, when what one waited for has come. */
export function FirstCall({ call }: { call: Schemas["RequestItem"] }) {
  return (
    <p className="hg-note" role="status">
      The first call is here: <To path={`/requests/${call.id}`}>{call.model}</To>{" "}
      <Status status={call.status} code={call.code} /> in <Duration ms={call.duration_ms} />.
    </p>
  );
}
