import { useInfiniteQuery } from "@tanstack/react-query";
import { useCallback, useMemo } from "react";
import { type Schemas, api, ask } from "@/api";
import { Dialog } from "@/core/Dialogs";
import { Diff } from "@/core/Diff";
import { Facts } from "@/core/Facts";
import { Answered, Empty } from "@/core/States";
import { type Column, Table } from "@/core/Table";
import { Instant, Name } from "@/core/Values";
import { useShared, useView } from "@/shell/view";
import { ofProject } from "../listing/ofProject";
import { AccessPages } from "./AccessPages";
import { useKeyNames } from "./useKeys";

type Entry = Schemas["AuditView"];

/** Who changed what, the newest first; what an object was and became, side by side. */
export default function Audit() {
  const { search, set } = useView();
  const view = useShared();
  const pages = useInfiniteQuery({
    queryKey: ["audit"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      ask(api.GET("/api/v1/audit", { params: { query: { limit: 200, ...(pageParam ? { next: pageParam } : {}) } }, signal })),
    getNextPageParam: (page) => page.next,
  });
  const nameOf = useKeyNames();
  const { hasNextPage, isFetching, fetchNextPage } = pages;
  const onEnd = useCallback(() => {
    if (hasNextPage && !isFetching) {
      void fetchNextPage();
    }
  }, [hasNextPage, isFetching, fetchNextPage]);
  const entries = useMemo(() => ofProject(pages, view.project), [pages.data, view.project]);
  const columns = useMemo(() => columnsOf(nameOf), [nameOf]);
  const chosen = entries.find((each) => each.id === search["entry"]);
  return (
    <AccessPages>
      <Answered of={pages} what="the audit log">
        {() =>
          entries.length === 0 && !pages.hasNextPage ? (
            <Empty title="Nothing was changed yet" />
          ) : (
            <Table
              label="audit"
              rows={entries}
              columns={columns}
              keyOf={(entry) => entry.id}
              onOpen={(entry) => set({ entry: entry.id }, true)}
              onEnd={onEnd}
            />
          )
        }
      </Answered>
      {chosen && (
        <Dialog title={`${chosen.kind} ${chosen.action}`} isOpen onClose={() => set({ entry: null }, true)} size="xl">
          <Changed entry={chosen} who={nameOf(chosen.actor)} />
        </Dialog>
      )}
    </AccessPages>
  );
}

function columnsOf(nameOf: (id: string) => string): Column<Entry>[] {
  return [
    { id: "at", title: "When", width: "168px", render: (entry) => <Instant at={entry.at} /> },
    { id: "actor", title: "Who", width: "minmax(110px, 1fr)", render: (entry) => <Name>{nameOf(entry.actor)}</Name> },
    { id: "action", title: "Did", width: "110px", render: (entry) => entry.action.replaceAll("_", " ") },
    { id: "kind", title: "What", width: "120px", render: (entry) => entry.kind.replaceAll("_", " ") },
    {
      id: "object",
      title: "Which",
      width: "minmax(150px, 2fr)",
      render: (entry) => <Name>{entry.kind === "key" ? nameOfKey(entry, nameOf) : entry.object}</Name>,
    },
    { id: "project", title: "Project", width: "minmax(80px, 1fr)", render: (entry) => entry.project },
  ];
}

/** A key's name as it was: it may be revoked by now. */
function nameOfKey(entry: Entry, nameOf: (id: string) => string): string {
  const said = [entry.after, entry.before].find(
    (each): each is { name: string } => typeof each === "object" && each !== null && "name" in each,
  );
  return said ? `${said.name} (${entry.object})` : nameOf(entry.object);
}

function Changed({ entry, who }: { entry: Entry; who: string }) {
  const text = (value: unknown): string => (value === null || value === undefined ? "" : JSON.stringify(value, null, 2));
  return (
    <>
      <Facts
        facts={[
          ["when", <Instant key="at" at={entry.at} />],
          ["who", who === entry.actor ? who : `${who} (${entry.actor})`],
          ["which", entry.object],
          ["project", entry.project],
        ]}
      />
      <div className="hg-difference">
        {entry.before === null && entry.after === null ? (
          <p className="hg-soft">Nothing more is on record of it.</p>
        ) : (
          <Diff before={text(entry.before)} after={text(entry.after)} names={["before", "after"]} />
        )}
      </div>
    </>
  );
}
