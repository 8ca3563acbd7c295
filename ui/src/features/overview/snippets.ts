// What to paste so that a client calls this server: a few lines for each SDK. Pure.

export interface Snippet {
  name: string;
  install: string;
  text: string;
}

/** `key` is a key's text, or what stands for one. */
export function snippetsOf(origin: string, key: string, model: string): Snippet[] {
  const hello = `[{"role": "user", "content": "Hello"}]`;
  return [
    {
      name: "OpenAI for Python",
      install: "pip install openai",
      text: `from openai import OpenAI
client = OpenAI(base_url="${origin}/v1", api_key="${key}")
print(client.chat.completions.create(model="${model}", messages=${hello}))`,
    },
    {
      name: "OpenAI for TypeScript",
      install: "npm install openai",
      text: `import OpenAI from "openai";
const client = new OpenAI({ baseURL: "${origin}/v1", apiKey: "${key}" });
console.log(await client.chat.completions.create({ model: "${model}", messages: [{ role: "user", content: "Hello" }] }));`,
    },
    {
      name: "Anthropic for Python",
      install: "pip install anthropic",
      text: `from anthropic import Anthropic
client = Anthropic(base_url="${origin}", api_key="${key}")
print(client.messages.create(model="${model}", max_tokens=100, messages=${hello}))`,
    },
    {
      name: "Google Gen AI for Python",
      install: "pip install google-genai",
      text: `from google import genai
client = genai.Client(api_key="${key}", http_options={"base_url": "${origin}"})
print(client.models.generate_content(model="${model}", contents="Hello"))`,
    },
    {
      name: "LangChain",
      install: "pip install langchain-openai",
      text: `from langchain_openai import ChatOpenAI
model = ChatOpenAI(base_url="${origin}/v1", api_key="${key}", model="${model}")
print(model.invoke("Hello"))`,
    },
    {
      name: "OpenTelemetry",
      install: "",
      text: `OTEL_EXPORTER_OTLP_ENDPOINT=${origin}
OTEL_EXPORTER_OTLP_HEADERS=Authorization=Bearer%20${key}
OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf`,
    },
    {
      name: "Headgate's SDK",
      install: "pip install 'headgate[sdk]'",
      text: `import headgate  # HEADGATE_URL=${origin} HEADGATE_KEY=${key}
@headgate.observe  # each run is a step of a trace, and the calls below it are its own
def answer(question): ...`,
    },
    {
      name: "curl",
      install: "",
      text: `curl ${origin}/v1/chat/completions \\
  -H "authorization: Bearer ${key}" -H "content-type: application/json" \\
  -d '{"model": "${model}", "messages": ${hello}}'`,
    },
  ];
}
