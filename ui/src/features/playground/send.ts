// Makes a call for who is signed in: no key is in the browser, and the gateway serves it as any other call.

import { errorOf } from "@/api";
import { type Draft, bodyOf, routeOf } from "./draft";

export interface Sent {
  id: string;
  /** The answer's body as far as it has come. */
  body: string;
  firstMs: number | null;
  tookMs: number;
}

/** Send a draft; `onPart` hears of each piece. Throws ApiError for a refusal. */
export async function send(draft: Draft, signal: AbortSignal, onPart: (sent: Sent) => void): Promise<Sent> {
  const route = routeOf(draft);
  if (route === null) {
    throw new Error(`calls of the dialect ${draft.dialect} can't be made here`);
  }
  const began = performance.now();
  const answer = await fetch(`/api/v1/playground/${route}`, {
    method: "POST",
    credentials: "same-origin",
    headers: {
      "x-headgate-console": "1",
      "content-type": "application/json",
      ...(draft.dialect === "anthropic" ? { "anthropic-version": "2023-06-01" } : {}),
    },
    body: JSON.stringify(bodyOf(draft)),
    signal,
  });
  if (!answer.ok || answer.body === null) {
    throw errorOf(answer.status, await answer.json().catch(() => null));
  }
  const sent: Sent = { id: answer.headers.get("x-headgate-request-id") ?? "", body: "", firstMs: null, tookMs: 0 };
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    sent.tookMs = performance.now() - began;
    if (done) {
      return { ...sent };
    }
    sent.firstMs ??= sent.tookMs;
    sent.body += value;
    onPart({ ...sent });
  }
}
