// What the search of words offers: where something was said. Pure.

import type { Schemas } from "@/api";
import type { Found } from "@/shell/registry";

type Hit = Schemas["TextHit"];

/** Where words were said: the call where it went through the gateway, else the step. */
function foundOf(hit: Hit, snippet: string): Found {
  if (hit.request_id) {
    return { title: hit.name, kind: "said in a request", path: `/requests/${hit.request_id}`, snippet };
  }
  return { title: hit.name, kind: "said in a step", path: `/traces/${hit.trace_id}`, filter: { of: hit.project, span: hit.span_id }, snippet };
}

/**
 * Some of the hits, which come by days and within a day in no order, the newest first. What a conversation repeats in each
 * turn is offered once: where it was first said.
 */
export function foundIn(hits: readonly Hit[], most: number): Found[] {
  const said = new Map<string, Found>();
  for (const hit of [...hits].sort((one, other) => Date.parse(other.started_at) - Date.parse(one.started_at))) {
    const snippet = hit.snippet.replaceAll(/\s+/g, " ");
    said.set(`${hit.name}\n${snippet}`, foundOf(hit, snippet));
  }
  return [...said.values()].slice(0, most);
}
