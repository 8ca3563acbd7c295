"""The page at `/`: says what this server is, and what to paste. One file, nothing from elsewhere, no script.

Shown where the console was not built. Never shows anything of the deployment: it is open to all.
"""

import base64
import hashlib
from typing import Final

# ruff: noqa: E501 - markup

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1c2330; --soft: #5b6575; --paper: #fbfbf9; --box: #f0f0ec; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8ec; --soft: #9aa4b2; --paper: #14171c; --box: #1d2128; }
}
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.6 system-ui, sans-serif; }
main { max-width: 44rem; margin: 0 auto; padding: 4rem 1.5rem; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; }
h2 { font-size: 1rem; margin: 2.2rem 0 .4rem; }
p { margin: .4rem 0; color: var(--soft); }
pre { background: var(--box); padding: .9rem 1.1rem; border-radius: .5rem; overflow-x: auto; margin: .3rem 0; }
code { font: .875rem/1.55 ui-monospace, monospace; }
a { color: inherit; }
"""

_BODY: Final = """
<main>
<h1>Headgate</h1>
<p>One URL in front of your models: keys, hard budgets, fallback, residency, exact costs, and every call
on record. This server is up; clients stay as they are, but for where they point.</p>

<h2>OpenAI for Python</h2>
<pre><code>from openai import OpenAI
client = OpenAI(base_url="BASE/v1", api_key="hg_...")
client.chat.completions.create(model="mock/mock", messages=[{"role": "user", "content": "Hello"}])</code></pre>

<h2>Anthropic for Python</h2>
<pre><code>from anthropic import Anthropic
client = Anthropic(base_url="BASE", api_key="hg_...")
client.messages.create(model="mock/mock", max_tokens=100, messages=[{"role": "user", "content": "Hello"}])</code></pre>

<h2>LangChain</h2>
<pre><code>from langchain_openai import ChatOpenAI
model = ChatOpenAI(base_url="BASE/v1", api_key="hg_...", model="mock/mock")
model.invoke("Hello")</code></pre>

<h2>Keys, calls and costs</h2>
<pre><code>headgate keys create my-app
headgate requests --follow
headgate costs</code></pre>
<p>The control API is described in <a href="/api/openapi.json">/api/openapi.json</a>;
<a href="/readyz">/readyz</a> says what is missing, if anything.</p>

<h2>The console</h2>
<p>Its pages are not built in this installation. <code>make console</code> builds them in a checkout (it takes
Node.js 20.19 or newer); the wheel has them.</p>
</main>
"""

_STYLE_DIGEST: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()

CONTENT_SECURITY_POLICY: Final = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_DIGEST}'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Nothing may be loaded, run, framed or sent; only the page's own style applies."""


def welcome(base_url: str) -> str:
    """Return the page. `base_url` is a scheme and a host that the gate has let through."""
    # A Host header holds no markup once the gate has seen it as an address, localhost or an allowed name.
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Headgate</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>{_BODY.replace('BASE', _escaped(base_url))}</body></html>"
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
