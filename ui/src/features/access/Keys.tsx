import { IconPlus } from "@tabler/icons-react";
import { useEffect, useMemo, useState } from "react";
import { count } from "@/core/format";
import { Answered, Empty } from "@/core/States";
import { Instant, Moment, Money, Name, State } from "@/core/Values";
import { useMay, useSession } from "@/shell/session";
import { To } from "@/shell/To";
import { useShared, useView } from "@/shell/view";
import { AccessPages } from "./AccessPages";
import { KeyShown, NewKey, RevokeKey, RotateKey, type Shown } from "./KeyDialogs";
import { type Key, useKeyPages, useRoles, useTraffic } from "./useKeys";

type Doing = { what: "new" } | { what: "rotate" | "revoke"; key: Key };

/** The keys in force: what each may do and what it did; to make, to rotate and to revoke. */
export default function Keys() {
  const view = useShared();
  const mayWrite = useMay("keys:write");
  const pages = useKeyPages(view.project);
  const [doing, setDoing] = useState<Doing | null>(null);
  const [shown, setShown] = useState<Shown | null>(null);
  const keys = useMemo(() => pages.data?.pages.flatMap((page) => page.items) ?? [], [pages.data]);
  const { hasNextPage, isFetching, fetchNextPage } = pages;
  const onClose = (): void => setDoing(null);
  const onShown = (made: Shown): void => {
    setDoing(null);
    setShown(made);
  };
  const add = mayWrite && (
    <button type="button" className="hg-button hg-main" onClick={() => setDoing({ what: "new" })}>
      <IconPlus size={14} stroke={1.8} aria-hidden="true" /> New key
    </button>
  );
  return (
    <AccessPages end={add}>
      <Answered of={pages} what="keys">
        {() =>
          keys.length === 0 ? (
            <Empty title="No key is in force here">
              <p className="hg-soft">A key lets an application call models, and counts what it does.</p>
            </Empty>
          ) : (
            <>
              <KeyTable keys={keys} onDo={mayWrite ? setDoing : null} />
              {hasNextPage && (
                <button type="button" className="hg-button" disabled={isFetching} onClick={() => void fetchNextPage()}>
                  Show more
                </button>
              )}
            </>
          )
        }
      </Answered>
      {doing?.what === "new" && <NewKey onClose={onClose} onShown={onShown} />}
      {doing?.what === "rotate" && <RotateKey of={doing.key} onClose={onClose} onShown={onShown} />}
      {doing?.what === "revoke" && <RevokeKey of={doing.key} onClose={onClose} />}
      {shown && <KeyShown shown={shown} onClose={() => setShown(null)} />}
    </AccessPages>
  );
}

function KeyTable({ keys, onDo }: { keys: Key[]; onDo: ((doing: Doing) => void) | null }) {
  const { search } = useView();
  const view = useShared();
  const traffic = useTraffic(view);
  const own = useSession().key;
  const roles = useRoles();
  const gives = roles.data?.items.find((each) => each.role === own.role)?.gives ?? [];
  const chosen = search["key"];
  useEffect(() => {
    if (chosen) {
      document.getElementById(`key-${chosen}`)?.scrollIntoView({ block: "center" });
    }
  }, [chosen]);
  return (
    <table className="hg-small-table hg-keys-table" aria-label="keys">
      <thead>
        <tr>
          <th scope="col">Key</th>
          <th scope="col">Project</th>
          <th scope="col">Role</th>
          <th scope="col">May ask for</th>
          <th scope="col">For</th>
          <th scope="col">Ends</th>
          <th scope="col" className="hg-right">Calls</th>
          <th scope="col" className="hg-right">Cost</th>
          <th scope="col">Made</th>
          {onDo && (
            <th scope="col">
              <span className="hg-visually-hidden">What to do</span>
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => {
          const row = traffic.get(key.id);
          return (
            <tr key={key.id} id={`key-${key.id}`} className={chosen === key.id ? "hg-chosen" : ""}>
              <th scope="row">
                <Name>{key.name}</Name>
                <span className="hg-soft">
                  <code>{key.prefix}</code>
                  {key.id === own.id && " · you"}
                </span>
              </th>
              <td>{key.project}</td>
              <td>{key.role.replace("_", " ")}</td>
              <td>{mayAskFor(key)}</td>
              <td>
                <For of={key} />
              </td>
              <td>
                <Ends of={key} />
              </td>
              <td className="hg-right hg-number">
                <To path="/requests" filter={{ key: key.id }}>
                  {count(row?.requests ?? 0)}
                </To>
              </td>
              <td className="hg-right">
                {row && (
                  <To path="/requests" filter={{ key: key.id }}>
                    <Money usd={row.cost_usd} estimated={row.estimated > 0} />
                  </To>
                )}
              </td>
              <td>
                <Moment at={key.created_at} />
              </td>
              {onDo && (
                <td className="hg-actions">
                  {gives.includes(key.role) && (
                    <>
                      {key.prefix.startsWith("hg_") && (
                        <button
                          type="button"
                          className="hg-button"
                          aria-label={`rotate ${key.name}`}
                          onClick={() => onDo({ what: "rotate", key })}
                        >
                          Rotate
                        </button>
                      )}
                      <button
                        type="button"
                        className="hg-button hg-danger"
                        aria-label={`revoke ${key.name}`}
                        onClick={() => onDo({ what: "revoke", key })}
                      >
                        Revoke
                      </button>
                    </>
                  )}
                </td>
              )}
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function mayAskFor(key: Key): React.ReactNode {
  if (key.role === "viewer") {
    return <span className="hg-soft">nothing</span>;
  }
  return key.models === null ? <span className="hg-soft">what its project may</span> : key.models.join(", ");
}

function For({ of }: { of: Key }) {
  const said = [
    of.user ? `user ${of.user}` : "",
    of.environment ? `environment ${of.environment}` : "",
    ...of.tags.map((tag) => `tag ${tag}`),
    of.may_assert ? "says user and tags itself" : "",
    of.record ? `records ${of.record}` : "",
  ].filter((each) => each !== "");
  return said.length === 0 ? <span className="hg-soft">–</span> : said.join(", ");
}

function Ends({ of }: { of: Key }) {
  const now = Date.now();
  const rotating = of.earlier_until !== null && Date.parse(of.earlier_until) > now;
  return (
    <>
      {of.expires_at === null ? (
        <span className="hg-soft">never</span>
      ) : Date.parse(of.expires_at) <= now ? (
        <State tone="bad">has ended</State>
      ) : (
        <Moment at={of.expires_at} />
      )}
      {rotating && of.earlier_until && (
        <div>
          <State tone="warn">
            old text until <Instant at={of.earlier_until} />
          </State>
        </div>
      )}
    </>
  );
}
