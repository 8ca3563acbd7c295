import { IconMessages } from "@tabler/icons-react";
import { lazy } from "react";
import type { Feature } from "@/shell/registry";

const Sessions = lazy(() => import("./Sessions"));
const OneSession = lazy(() => import("./OneSession"));

export const feature: Feature = {
  rail: { name: "Sessions", path: "/sessions", icon: IconMessages },
  key: "n",
  grant: "traces:read",
  pages: [
    { path: "/sessions", component: Sessions, title: "Sessions" },
    { path: "/sessions/$id", component: OneSession, title: "One session" },
  ],
};
