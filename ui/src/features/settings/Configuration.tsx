import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { type Schemas, api, ask } from "@/api";
import { Confirm } from "@/core/Dialogs";
import { Answered } from "@/core/States";
import { Text, Verbatim } from "@/core/Text";
import { Instant, State } from "@/core/Values";
import { useMay } from "@/shell/session";
import { useChange } from "@/shell/useChange";
import { useView } from "@/shell/view";
import { useKeyNames } from "../access/useKeys";
import { ChangeTable } from "./ChangeTable";
import { SettingsPages } from "./SettingsPages";

type Activation = Schemas["ActivationView"];

/** What is in force against the file, and all that was in force before, each a click away. */
export default function Configuration() {
  return (
    <SettingsPages>
      <File />
      <History />
    </SettingsPages>
  );
}

function File() {
  const file = useQuery({
    queryKey: ["configuration file"],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/config/file", { signal })),
  });
  return (
    <section className="hg-section" aria-label="headgate.toml">
      <header>
        <h2>headgate.toml</h2>
        {file.data?.path && (
          <code className="hg-soft">
            <Text>{file.data.path}</Text>
          </code>
        )}
      </header>
      <Answered of={file} what="headgate.toml">
        {(found) => <FileState of={found} />}
      </Answered>
    </section>
  );
}

function FileState({ of }: { of: Schemas["FileView"] }) {
  if (of.path === null) {
    return (
      <p className="hg-soft">
        This server was started without a file: what is in force came from its environment, or by <code>headgate apply</code>.
      </p>
    );
  }
  if (of.problem !== null) {
    return (
      <>
        <p>
          <State tone="bad">The file can't be taken as it stands; what was in force before it stays so.</State>
        </p>
        <Verbatim text={of.problem} label="what is wrong with the file" />
      </>
    );
  }
  if (of.changes.length === 0) {
    return (
      <p>
        <State tone="good">The file says what is in force.</State>{" "}
        <span className="hg-soft">{of.is_watched ? "Its changes come into force by themselves." : "headgate apply puts its changes in force."}</span>
      </p>
    );
  }
  return (
    <>
      <p>
        <State tone="warn">The file says something else than what is in force.</State>{" "}
        <span className="hg-soft">
          {of.is_watched
            ? "It comes into force again at its next change, and when the server starts; change the file to keep what is in force."
            : "`headgate apply` would change:"}
        </span>
      </p>
      <ChangeTable changes={of.changes} label="what the file would change" />
    </>
  );
}

function History() {
  const { search, set } = useView();
  const mayWrite = useMay("snapshots:write");
  const nameOf = useKeyNames();
  const [isReturning, setReturning] = useState(false);
  const pages = useInfiniteQuery({
    queryKey: ["configuration history"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = { limit: 100, ...(pageParam ? { next: pageParam } : {}) };
      return ask(api.GET("/api/v1/snapshots/history", { params: { query }, signal }));
    },
    getNextPageParam: (page) => page.next,
  });
  const items = useMemo(() => pages.data?.pages.flatMap((page) => page.items) ?? [], [pages.data]);
  const notes = useNotes();
  const wanted = search["seq"] === undefined ? search["snapshot"] : undefined;
  const found = items.findIndex((each) => (wanted ? each.snapshot === wanted : String(each.seq) === search["seq"]));
  const place = Math.max(0, found);
  const { hasNextPage, isFetching, fetchNextPage } = pages;
  const isSought = wanted !== undefined && found < 0;
  useEffect(() => {
    if (isSought && hasNextPage && !isFetching) {
      void fetchNextPage();
    }
  }, [isSought, hasNextPage, isFetching, fetchNextPage]);
  const chosen = items[place];
  const current = items[0];
  return (
    <section className="hg-section" aria-label="history">
      <header>
        <h2>History</h2>
        <span className="hg-soft">what was in force, the newest first</span>
      </header>
      {isSought && pages.data && !isFetching && !hasNextPage && (
        <p className="hg-note">
          Snapshot <code>{wanted}</code> was never in force here. This is what is:
        </p>
      )}
      <Answered of={pages} what="the history">
        {() => (
          <div className="hg-beside">
            <nav aria-label="what was in force">
              <ol className="hg-versions">
                {items.map((each, number) => (
                  <li key={each.seq}>
                    <button
                      type="button"
                      aria-pressed={number === place}
                      onClick={() => set({ seq: number === 0 ? null : String(each.seq), snapshot: null }, true)}
                    >
                      <span>
                        <strong>{each.snapshot.slice(0, 12)}</strong> {number === 0 && <State tone="good">in force</State>}
                      </span>
                      <Instant at={each.at} />
                      <span className="hg-soft hg-ellipsis">
                        by {nameOf(each.actor)}
                        {notes.get(each.snapshot) ? `: ${notes.get(each.snapshot)}` : ""}
                      </span>
                    </button>
                  </li>
                ))}
              </ol>
              {pages.hasNextPage && (
                <button type="button" className="hg-button" onClick={() => void pages.fetchNextPage()}>
                  Show more
                </button>
              )}
            </nav>
            {chosen && current && (
              <div>
                <Activated chosen={chosen} before={items[place + 1]} />
                {mayWrite && chosen.snapshot !== current.snapshot && (
                  <button type="button" className="hg-button hg-main" onClick={() => setReturning(true)}>
                    Return to {chosen.snapshot.slice(0, 12)}
                  </button>
                )}
                {isReturning && <Return chosen={chosen} current={current} onClose={() => setReturning(false)} />}
              </div>
            )}
          </div>
        )}
      </Answered>
    </section>
  );
}

/** What was said of each snapshot when it was stored. */
function useNotes(): Map<string, string> {
  const snapshots = useQuery({
    queryKey: ["snapshots"],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/snapshots", { params: { query: { limit: 500 } }, signal })),
    staleTime: 30_000,
  });
  const items = snapshots.data?.items;
  return useMemo(() => new Map(items?.map((each) => [each.id, each.note])), [items]);
}

function useChanges(snapshot: string, against: string | undefined) {
  return useQuery({
    queryKey: ["snapshot changes", snapshot, against],
    queryFn: ({ signal }) => {
      const params = { path: { snapshot_id: snapshot }, query: against ? { against } : {} };
      return ask(api.GET("/api/v1/snapshots/{snapshot_id}/changes", { params, signal }));
    },
    enabled: against !== undefined,
  });
}

function Activated({ chosen, before }: { chosen: Activation; before: Activation | undefined }) {
  const changes = useChanges(chosen.snapshot, before?.snapshot);
  const document = useQuery({
    queryKey: ["snapshot", chosen.snapshot],
    queryFn: ({ signal }) =>
      ask(api.GET("/api/v1/snapshots/{snapshot_id}", { params: { path: { snapshot_id: chosen.snapshot } }, signal })),
    staleTime: Infinity,
  });
  return (
    <>
      <h3 className="hg-part-title">What it changed</h3>
      {before === undefined ? (
        <p className="hg-soft">Nothing was in force before it.</p>
      ) : (
        <Answered of={changes} what="what it changed">
          {(found) =>
            found.changes.length === 0 ? (
              <p className="hg-soft">Nothing that is compared.</p>
            ) : (
              <ChangeTable changes={found.changes} label="what it changed" />
            )
          }
        </Answered>
      )}
      <details className="hg-folded">
        <summary>All of it</summary>
        <Answered of={document} what="the configuration">
          {(found) => <Verbatim text={JSON.stringify(found.document, null, 2)} label="the whole configuration" />}
        </Answered>
      </details>
    </>
  );
}

const ASKED_AGAIN = ["configuration history", "configuration file", "snapshots", "snapshot changes", "status", "models", "providers", "audit", "timeline", "budgets"];

function Return({ chosen, current, onClose }: { chosen: Activation; current: Activation; onClose: () => void }) {
  const { set } = useView();
  const changes = useChanges(chosen.snapshot, current.snapshot);
  const activate = useChange(() => {
    const params = { path: { snapshot_id: chosen.snapshot } };
    return ask(api.POST("/api/v1/snapshots/{snapshot_id}/activate", { params, body: { expected: current.snapshot } }));
  }, ASKED_AGAIN);
  return (
    <Confirm
      title={`Return to ${chosen.snapshot.slice(0, 12)}`}
      isOpen
      onClose={onClose}
      size="xl"
      label="Put it in force"
      isDangerous
      isBusy={activate.isPending}
      isReady={changes.data !== undefined}
      error={activate.error}
      onConfirm={() =>
        activate.mutate(undefined, {
          onSuccess: () => {
            set({ seq: null, snapshot: null }, true);
            onClose();
          },
        })
      }
    >
      <p>On every gateway, for every call that begins from then on. Keys, and what was made here, stay as they are.</p>
      <Answered of={changes} what="what will change">
        {(found) =>
          found.changes.length === 0 ? <p>Nothing that is compared changes.</p> : <ChangeTable changes={found.changes} label="what will change" />
        }
      </Answered>
      <p className="hg-soft">headgate.toml isn't written: it comes into force again when it is changed, or when the server starts with it.</p>
    </Confirm>
  );
}
