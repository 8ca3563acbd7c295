import { MantineProvider } from "@mantine/core";
import "@mantine/core/styles.css";
import "uplot/dist/uPlot.min.css";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { type RouteComponent, RouterProvider, createRootRoute, createRoute, createRouter } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { ApiError } from "./api";
import { Empty, Failed, Loading } from "./core/States";
import "./style/colours.css";
import "./style/core.css";
import "./style/shell.css";
import "./style/pages.css";
import "./style/traces.css";
import "./style/administration.css";
import "./style/evaluation.css";
import "./style/experiments.css";
import "./style/rollouts.css";
import { SignIn } from "./shell/SignIn";
import { FEATURES } from "./shell/registry";
import { Shell } from "./shell/Shell";
import { SessionProvider, WHOAMI, useWhoAmI } from "./shell/session";
import { To } from "./shell/To";
import { parseSearch, stringifySearch } from "./shell/view";

function Root() {
  const session = useWhoAmI();
  if (session.error instanceof ApiError && session.error.status === 401) {
    return <SignIn reason={session.error} />;
  }
  if (session.data) {
    return (
      <SessionProvider value={session.data}>
        <Shell />
      </SessionProvider>
    );
  }
  return (
    <main className="hg-alone" aria-label="Headgate">
      {session.error ? (
        <Failed error={session.error} onRetry={() => void session.refetch()} />
      ) : (
        <Loading what="Headgate" />
      )}
    </main>
  );
}

function Missing() {
  return (
    <>
      <h1 className="hg-visually-hidden">Nothing here</h1>
      <Empty title="There is no such page">
        <To path="/">Go to the overview</To>
      </Empty>
    </>
  );
}

/** Any answer of 401 leads to signing in, over the page that one is on. */
function onError(error: unknown): void {
  if (error instanceof ApiError && error.status === 401) {
    const query = client.getQueryCache().find({ queryKey: WHOAMI });
    if (query && !(query.state.error instanceof ApiError && query.state.error.status === 401)) {
      query.setState({ status: "error", error, data: undefined, fetchStatus: "idle" });
    }
  }
}

const client = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      refetchOnWindowFocus: false,
      retry: (failures, error) => {
        const isPassing = error instanceof ApiError && (error.status === 0 || error.status >= 500);
        return isPassing && failures < 2;
      },
    },
  },
});

const pages = FEATURES.flatMap((feature) => feature.pages);

const root = createRootRoute({ component: Root, notFoundComponent: Missing });
const routes = pages.map((page) =>
  createRoute({ getParentRoute: () => root, path: page.path, component: page.component as RouteComponent }),
);
const router = createRouter({
  routeTree: root.addChildren(routes),
  parseSearch,
  stringifySearch,
  defaultErrorComponent: ({ error }) => <Failed error={error} />,
});

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <MantineProvider
      defaultColorScheme="auto"
      withCssVariables={false}
      withGlobalClasses={false}
      theme={{ cursorType: "pointer" }}
    >
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
