// By what costs can be grouped; each is a filter of requests, too, a provider one of targets.

export const DIMENSIONS = {
  model: "Model",
  provider: "Provider",
  target: "Target",
  project: "Project",
  environment: "Environment",
  key: "Key",
  user: "User",
  tag: "Tag",
  session: "Session",
  prompt: "Prompt",
  release: "Release",
} as const;

export type Dimension = keyof typeof DIMENSIONS;
