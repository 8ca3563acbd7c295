import { IconPlus } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useMemo, useState } from "react";
import { type Schemas, api, ask } from "@/api";
import { CopyButton } from "@/core/CopyButton";
import { Confirm, Dialog, Field } from "@/core/Dialogs";
import { Answered, Empty } from "@/core/States";
import { Text } from "@/core/Text";
import { Instant, Name, State } from "@/core/Values";
import { useMay } from "@/shell/session";
import { useChange } from "@/shell/useChange";
import { refreshOf, useShared, useView } from "@/shell/view";
import { useKeyNames } from "../access/useKeys";
import { listed } from "../access/keyForm";
import { More } from "../evaluation/More";
import { ofProject } from "../listing/ofProject";
import { SettingsPages } from "./SettingsPages";

type Webhook = Schemas["WebhookView"];

/** Who is told, and what people should have heard of. */
export default function Alerts() {
  const mayRead = useMay("webhooks:read");
  return (
    <SettingsPages>
      {mayRead && <Webhooks />}
      <AlertList />
    </SettingsPages>
  );
}

type Doing = { what: "new" } | { what: "delete"; webhook: Webhook };

function Webhooks() {
  const mayWrite = useMay("webhooks:write");
  const nameOf = useKeyNames();
  const [doing, setDoing] = useState<Doing | null>(null);
  const [made, setMade] = useState<Schemas["CreatedWebhookView"] | null>(null);
  const webhooks = useQuery({
    queryKey: ["webhooks"],
    queryFn: ({ signal }) => ask(api.GET("/api/v1/webhooks", { params: { query: { limit: 500 } }, signal })),
  });
  return (
    <section className="hg-section" aria-label="webhooks">
      <header>
        <h2>Webhooks</h2>
        <span className="hg-spring" />
        {mayWrite && (
          <button type="button" className="hg-button" onClick={() => setDoing({ what: "new" })}>
            <IconPlus size={14} stroke={1.8} aria-hidden="true" /> New webhook
          </button>
        )}
      </header>
      <Answered of={webhooks} what="webhooks">
        {({ items }) =>
          items.length === 0 ? (
            <p className="hg-soft">Nobody is told of alerts: they stand here alone. A webhook sends each as signed JSON.</p>
          ) : (
            <table className="hg-small-table" aria-label="webhooks">
              <thead>
                <tr>
                  <th scope="col">Address</th>
                  <th scope="col">Kinds</th>
                  <th scope="col">Made</th>
                  <th scope="col">
                    <span className="hg-visually-hidden">What to do</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {items.map((each) => (
                  <tr key={each.id}>
                    <th scope="row">
                      <Name>{each.url}</Name>
                    </th>
                    <td>{each.kinds === null ? "all" : each.kinds.join(", ")}</td>
                    <td>
                      <Instant at={each.created_at} /> <span className="hg-soft">by {nameOf(each.created_by)}</span>
                    </td>
                    <td className="hg-actions">
                      {mayWrite && (
                        <button
                          type="button"
                          className="hg-button hg-danger"
                          aria-label={`delete the webhook to ${each.url}`}
                          onClick={() => setDoing({ what: "delete", webhook: each })}
                        >
                          Delete
                        </button>
                      )}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )
        }
      </Answered>
      {doing?.what === "new" && (
        <NewWebhook
          onClose={() => setDoing(null)}
          onMade={(webhook) => {
            setDoing(null);
            setMade(webhook);
          }}
        />
      )}
      {doing?.what === "delete" && <DeleteWebhook webhook={doing.webhook} onClose={() => setDoing(null)} />}
      {made && <Secret webhook={made} onClose={() => setMade(null)} />}
    </section>
  );
}

function NewWebhook({ onClose, onMade }: { onClose: () => void; onMade: (webhook: Schemas["CreatedWebhookView"]) => void }) {
  const [url, setUrl] = useState("");
  const [kinds, setKinds] = useState("");
  const make = useChange(() => {
    const wanted = listed(kinds);
    return ask(api.POST("/api/v1/webhooks", { body: { url: url.trim(), kinds: wanted.length > 0 ? wanted : null } }));
  }, ["webhooks", "audit"]);
  return (
    <Confirm
      title="A new webhook"
      isOpen
      onClose={onClose}
      label="Make the webhook"
      isBusy={make.isPending}
      isReady={url.trim() !== ""}
      error={make.error}
      onConfirm={() => make.mutate(undefined, { onSuccess: onMade })}
    >
      <Field label="Address" hint="gets each alert by POST, at most eight times until it is taken">
        <input className="hg-input" value={url} onChange={(event) => setUrl(event.currentTarget.value)} placeholder="https://" data-autofocus required />
      </Field>
      <Field label="Kinds" hint="with commas, such as budget, breaker; empty: all">
        <input className="hg-input" value={kinds} onChange={(event) => setKinds(event.currentTarget.value)} />
      </Field>
    </Confirm>
  );
}

function Secret({ webhook, onClose }: { webhook: Schemas["CreatedWebhookView"]; onClose: () => void }) {
  return (
    <Dialog title="The webhook is made" isOpen onClose={onClose} size="lg">
      <div className="hg-once">
        <p>
          <strong>Its secret is shown once.</strong> Whoever receives its alerts checks with it that they are ours.
        </p>
        <code data-testid="webhook-secret">{webhook.secret}</code>
        <p className="hg-soft">
          <code>x-headgate-signature: t=SECONDS,v1=HEX</code>: HMAC-SHA256 with it over <code>SECONDS.BODY</code>.
        </p>
        <div className="hg-form-foot">
          <CopyButton text={webhook.secret} title="Copy the secret" />
        </div>
      </div>
    </Dialog>
  );
}

function DeleteWebhook({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const remove = useChange(
    () => ask(api.DELETE("/api/v1/webhooks/{webhook_id}", { params: { path: { webhook_id: webhook.id } } })),
    ["webhooks", "audit"],
  );
  return (
    <Confirm
      title="Delete the webhook"
      isOpen
      onClose={onClose}
      label="Delete it"
      isDangerous
      isBusy={remove.isPending}
      error={remove.error}
      onConfirm={() => remove.mutate(undefined, { onSuccess: onClose })}
    >
      <p className="hg-what">
        No alert is sent to <code>{webhook.url}</code> any more; those on their way to it are dropped.
      </p>
    </Confirm>
  );
}

function AlertList() {
  const view = useShared();
  const { search, set } = useView();
  const pages = useInfiniteQuery({
    queryKey: ["alerts", search["kind"]],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) => {
      const query = { limit: 100, ...(search["kind"] ? { kind: search["kind"] } : {}), ...(pageParam ? { next: pageParam } : {}) };
      return ask(api.GET("/api/v1/alerts", { params: { query }, signal }));
    },
    getNextPageParam: (page) => page.next,
    refetchInterval: refreshOf(view),
  });
  const items = useMemo(() => ofProject(pages, view.project), [pages.data, view.project]);
  return (
    <section className="hg-section" aria-label="alerts">
      <header>
        <h2>Alerts</h2>
        {search["kind"] && (
          <button type="button" className="hg-link" onClick={() => set({ kind: null }, true)}>
            {search["kind"]} only: show all
          </button>
        )}
      </header>
      <Answered of={pages} what="alerts">
        {() =>
          items.length === 0 && !pages.hasNextPage ? (
            <Empty title="Nothing that people should have heard of">
              <p className="hg-soft">Budgets at 50, 80 and 100 %, overruns, breakers and a growing journal would stand here.</p>
            </Empty>
          ) : (
            <>
              <table className="hg-small-table" aria-label="alerts">
                <thead>
                  <tr>
                    <th scope="col">When</th>
                    <th scope="col">Kind</th>
                    <th scope="col">What</th>
                    <th scope="col">Project</th>
                    <th scope="col">Sent</th>
                  </tr>
                </thead>
                <tbody>
                  {items.map((each) => (
                    <tr key={each.id}>
                      <td>
                        <Instant at={each.at} />
                      </td>
                      <td>
                        <button type="button" className="hg-link" onClick={() => set({ kind: each.kind }, true)}>
                          {each.kind}
                        </button>
                      </td>
                      <td>
                        <Text>{each.message}</Text>
                      </td>
                      <td>{each.project ?? <span className="hg-soft">all</span>}</td>
                      <td>
                        <Sent deliveries={each.deliveries} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
              <More of={pages} />
            </>
          )
        }
      </Answered>
    </section>
  );
}

function Sent({ deliveries }: { deliveries: Schemas["DeliveryView"][] }) {
  if (deliveries.length === 0) {
    return <span className="hg-soft">to nobody</span>;
  }
  return deliveries.map((each) => <Delivery key={each.webhook} of={each} />);
}

function Delivery({ of }: { of: Schemas["DeliveryView"] }) {
  const tries = `${of.attempts} ${of.attempts === 1 ? "try" : "tries"}`;
  return (
    <div title={of.last_error ?? ""}>
      <State tone={of.delivered ? "good" : of.given_up ? "bad" : "warn"}>
        {of.delivered ? "taken" : of.given_up ? `given up after ${tries}` : `on its way, ${tries}`}
      </State>
    </div>
  );
}
