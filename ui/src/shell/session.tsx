import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext } from "react";
import { ApiError, type Schemas, api, ask } from "@/api";

export type Session = Schemas["WhoAmI"];

const Current = createContext<Session | null>(null);

export const SessionProvider = Current.Provider;

/** Who is signed in. Only pages inside the shell ask. */
export function useSession(): Session {
  const session = useContext(Current);
  if (session === null) {
    throw new Error("no session: this page is drawn outside the shell");
  }
  return session;
}

export function useMay(grant: string): boolean {
  return (useSession().grants as string[]).includes(grant);
}

export const WHOAMI = ["whoami"];

export function useWhoAmI() {
  return useQuery({
    queryKey: WHOAMI,
    queryFn: () => ask(api.GET("/api/v1/whoami")),
    staleTime: 60_000,
    retry: (failures, error) => !(error instanceof ApiError && error.status === 401) && failures < 3,
  });
}

export function useSignOut(): () => Promise<void> {
  const client = useQueryClient();
  return async () => {
    await ask(api.POST("/api/v1/sign-out"));
    client.clear();
    window.location.reload();
  };
}
