import { IconListDetails } from "@tabler/icons-react";
import { lazyRouteComponent } from "@tanstack/react-router";
import { api, ask } from "@/api";
import { moment } from "@/core/format";
import type { Feature, Found } from "@/shell/registry";
import { isPartOfId, isWholeId } from "./partsOfIds";

const Requests = lazyRouteComponent(() => import("./Requests"));

/** So many of the calls that a part of an id may mean are offered; the list has all. */
const OFFERED = 5;
/** Whoever has an id does not care which time is being looked at. */
const WHENEVER = { range: "90d", from: "", to: "" };

export const feature: Feature = {
  rail: { name: "Requests", path: "/requests", icon: IconListDetails },
  key: "r",
  grant: "requests:read",
  pages: [{ path: "/requests", component: Requests, title: "Requests" }],
  search: async (text, signal): Promise<Found[]> => {
    const byId = isPartOfId(text) ? await calledBy(text, signal) : [];
    if (isWholeId(text) && byId.length > 0) {
      return byId;
    }
    const params = { query: { group_by: "model" } };
    const models = await ask(api.GET("/api/v1/costs", { params, signal }));
    const named = models.items.flatMap((row) => (row.model?.toLowerCase().includes(text.toLowerCase()) ? [row.model] : []));
    return [
      ...byId,
      ...named.map((model): Found => ({ title: model, kind: "model: its requests", path: "/requests", filter: { model } })),
      { title: text, kind: "requests that hold this text", path: "/requests", filter: { text }, isSaid: true },
      { title: `Requests of user ${text}`, kind: "requests", path: "/requests", filter: { user: text }, isOffered: true },
      { title: `Requests with tag ${text}`, kind: "requests", path: "/requests", filter: { tag: text }, isOffered: true },
    ];
  },
};

/** The newest calls that a part of an id may mean, and where there are more, the list of them. */
async function calledBy(text: string, signal: AbortSignal): Promise<Found[]> {
  const params = { query: { id: text, limit: OFFERED + 1 } };
  const { items } = await ask(api.GET("/api/v1/requests", { params, signal }));
  const found = items.slice(0, OFFERED).map((each): Found => {
    return { title: each.id, kind: `request to ${each.model}, ${moment(each.started_at)}`, path: `/requests/${each.id}` };
  });
  const oldest = items.at(-1);
  if (items.length <= OFFERED || oldest === undefined) {
    return found;
  }
  return [...found, { title: `All requests whose id begins or ends with ${text}`, kind: "requests", path: "/requests", filter: { id: text, ...WHENEVER } }];
}
