// The Vercel AI SDK over each dialect of callers. A line of JSON in is a question, a line out is what was heard:
// `{"turns": [...]}`, or `{"error": {...}}`. Ends with its input. Asked by tests/attack/clients/vercel_asking.py.

import { createInterface } from "node:readline";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogle } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { Output, generateObject, generateText, jsonSchema, stepCountIs, streamText, tool } from "ai";

const [url, apiKey] = process.argv.slice(2);
const STEPS_MAX = 3;

const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey });
const compatible = createOpenAICompatible({
  name: "headgate",
  baseURL: `${url}/v1`,
  apiKey,
  includeUsage: true,
  supportsStructuredOutputs: true,
});
const anthropic = createAnthropic({ baseURL: `${url}/v1`, apiKey });
const google = createGoogle({ baseURL: `${url}/v1beta`, apiKey });

const MODELS = {
  "openai-chat": (name) => openai.chat(name),
  "openai-responses": (name) => openai.responses(name),
  "openai-compatible": (name) => compatible(name),
  anthropic: (name) => anthropic(name),
  google: (name) => google(name),
};

// What a model's name tells the SDK where it knows the name; an alias says nothing.
const ALWAYS = {
  openai: { store: false },
  anthropic: { structuredOutputMode: "outputFormat" },
};
const THINKING = {
  openai: { ...ALWAYS.openai, forceReasoning: true, reasoningEffort: "low", reasoningSummary: "auto" },
  headgate: { reasoningEffort: "low" },
  anthropic: { ...ALWAYS.anthropic, thinking: { type: "enabled", budgetTokens: 1024 } },
  google: { thinkingConfig: { thinkingLevel: "low", includeThoughts: true } },
};
// Gemini 2 is told how much to think by a budget.
const THINKING_BY_BUDGET = {
  ...THINKING,
  google: { thinkingConfig: { thinkingBudget: 1024, includeThoughts: true } },
};
const OPTIONS = { none: ALWAYS, effort: THINKING, budget: THINKING_BY_BUDGET };

function turnOf(step) {
  return {
    text: step.text,
    calls: (step.toolCalls ?? []).map((call) => [call.toolName, call.input]),
    finish: step.finishReason,
    tokens: [step.usage.inputTokens, step.usage.outputTokens],
    reasoning: step.reasoningText ?? "",
  };
}

function asked({ client, model, text, image, tools, output, thinking }) {
  const content = [{ type: "text", text }];
  if (image) content.push({ type: "file", data: image, mediaType: "image/png" });
  const call = {
    model: MODELS[client](model),
    messages: [{ role: "user", content }],
    maxRetries: 0,
    providerOptions: OPTIONS[thinking],
  };
  if (tools.length) {
    call.stopWhen = stepCountIs(STEPS_MAX);
    call.tools = Object.fromEntries(
      tools.map(({ name, description, parameters }) => [
        name,
        tool({ description, inputSchema: jsonSchema(parameters), execute: async () => output }),
      ]),
    );
  }
  return call;
}

async function streamed(call, schema) {
  let failure;
  const more = schema ? { output: Output.object({ schema: jsonSchema(schema) }) } : {};
  const result = streamText({ ...call, ...more, onError: ({ error }) => (failure ??= error) });
  try {
    await result.consumeStream();
    return (await result.steps).map(turnOf);
  } catch (error) {
    throw failure ?? error;
  }
}

async function whole(call, schema) {
  if (!schema) return (await generateText(call)).steps.map(turnOf);
  const made = await generateObject({ ...call, schema: jsonSchema(schema) });
  return [turnOf({ ...made, text: JSON.stringify(made.object), reasoningText: made.reasoning })];
}

function told(error) {
  const cause = error.lastError ?? error;
  return { name: cause.name, message: `${cause.message}`, status: cause.statusCode ?? null };
}

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  let heard;
  try {
    const ask = question.streamed ? streamed : whole;
    heard = { turns: await ask(asked(question), question.schema) };
  } catch (error) {
    heard = { error: told(error) };
  }
  process.stdout.write(`${JSON.stringify(heard)}\n`);
}
