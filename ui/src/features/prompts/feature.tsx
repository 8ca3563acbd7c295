import { IconMessage2Code } from "@tabler/icons-react";
import { lazyRouteComponent } from "@tanstack/react-router";
import { api, ask } from "@/api";
import type { Feature, Found } from "@/shell/registry";
import { addressOf } from "./address";

const Prompts = lazyRouteComponent(() => import("./Prompts"));
const OnePrompt = lazyRouteComponent(() => import("./OnePrompt"));

export const feature: Feature = {
  rail: { name: "Prompts", path: "/prompts", icon: IconMessage2Code },
  key: "p",
  grant: "prompts:read",
  pages: [
    { path: "/prompts", component: Prompts, title: "Prompts" },
    { path: "/prompts/$name", component: OnePrompt, title: "One prompt" },
  ],
  search: async (text, signal): Promise<Found[]> => {
    const found = await ask(api.GET("/api/v1/prompts", { params: { query: { limit: 500 } }, signal }));
    return found.items
      .filter((each) => each.name.toLowerCase().includes(text.toLowerCase()))
      .map((each): Found => ({
        title: each.name,
        kind: each.kind === "managed" ? "managed prompt" : "prompt in code",
        ...addressOf(each),
      }));
  },
};
