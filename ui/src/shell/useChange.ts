import { useMutation, useQueryClient } from "@tanstack/react-query";

/** Change something by the API; what was asked under these names is asked again. */
export function useChange<Input, Output>(change: (input: Input) => Promise<Output>, names: string[]) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSuccess: async () => {
      await Promise.all(names.map((name) => client.invalidateQueries({ queryKey: [name] })));
    },
  });
}
