"""Five and more open-source programs as their users run them: what is installed, run and given to each.

Never changes a program: it is told the name of its model, an address and a key. Read next: `attribution`.
"""

import textwrap

import msgspec

MODEL = "gpt-4o"
EMBEDDING = "text-embedding-3-small"

SHOP = '''"""What a shop's till adds up."""


def total(prices: list[float], discount: float = 0.0) -> float:
    """Add up prices, less a discount between 0 and 1."""
    return sum(prices) * (1 - discount)


def receipt(names: list[str], prices: list[float]) -> str:
    lines = [f"{name}: {price:.2f}" for name, price in zip(names, prices)]
    return "\\n".join([*lines, f"Total: {total(prices):.2f}"])
'''

LIGHTHOUSE = """The lighthouse on Skerry Island was built in 1811 by the engineer Anna Berg, out of grey
granite that came by barge from the quarry at Lowmoor. Its first lamp burned whale oil, at
a cost that the harbour board called ruinous; in 1842 Tomas Berg, her son, replaced it by
gas. The keeper of the light, Oskar Lind, wrote down every ship that passed, and his books
are kept in the museum of Lowmoor to this day. Since 1967 the light is automatic.
"""


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """One program: how it is installed, where its prompts are, how it is run, and what it is given."""

    name: str
    requirements: tuple[str, ...]
    packages: tuple[str, ...]
    """Folders of its installed source that are scanned."""
    commands: tuple[tuple[str, ...], ...] = ()
    """Programs of its environment, each with arguments."""
    script: str = ""
    """Or what its own Python runs: the few lines that a user of the library writes."""
    words: tuple[str, ...]
    """What its user says: variables."""
    files: dict[str, str] = {}
    """What lies in its folder: documents."""
    settings: dict[str, str] = {}


AIDER_WORDS = (
    "Let total refuse a discount that is below 0 or above 1.",
    "Which function of shop.py rounds the prices, and where?",
)
AIDER = (
    "aider", "--model", f"openai/{MODEL}", "--yes-always", "--no-check-update", "--analytics-disable",
    "--no-show-model-warnings", "--no-gitignore", "--no-stream", "--no-pretty", "--no-detect-urls",
)  # fmt: skip

SGPT_WORDS = (
    "List the five largest files below this folder, with their sizes",
    "Read a CSV file of prices and print the mean of its second column",
    "tar --exclude=.git -czf /tmp/backup.tgz .",
    "What does the third field of the fifth column of /etc/passwd mean to a beginner?",
    "And what would an administrator say instead?",
)

SMOL_WORDS = ("How many days lie between the building of the lighthouse and its gas lamp, roughly?",)
SMOLAGENTS = """
from smolagents import CodeAgent, OpenAIServerModel, ToolCallingAgent, tool

@tool
def archive(query: str) -> str:
    '''Look something up in the archive of the harbour.

    Args:
        query: what to look for
    '''
    return open("lighthouse.txt").read()

model = OpenAIServerModel(model_id=MODEL)
for kind in (CodeAgent, ToolCallingAgent):
    try:
        kind(tools=[archive], model=model, max_steps=3).run(WORDS[0])
    except Exception as error:
        print(kind.__name__, error)
"""

MEM0_WORDS = (
    "Hi, I am Nora. I am a vegetarian and I live in Lowmoor with two dogs.",
    "I moved to Skerry Island last week, and one of my dogs is called Tarn.",
    "What do I eat, and where do I live?",
)
MEM0 = """
from mem0 import Memory

memory = Memory.from_config({
    "llm": {"provider": "openai", "config": {"model": MODEL}},
    "embedder": {"provider": "openai", "config": {"model": EMBEDDING}},
    "vector_store": {"provider": "qdrant", "config": {"path": "qdrant", "embedding_model_dims": 1536}},
    "history_db_path": "history.db",
})
for words in WORDS[:2]:
    try:
        memory.add([{"role": "user", "content": words}], user_id="nora")
    except Exception as error:
        print("add", error)
try:
    memory.search(WORDS[2], filters={"user_id": "nora"})
except Exception as error:
    print("search", error)
"""

LIGHTRAG_WORDS = ("Who replaced the lamp of the lighthouse, and what had it burned before?",)
LIGHTRAG = """
import asyncio
from functools import partial
from lightrag import LightRAG, QueryParam
from lightrag.llm.openai import openai_complete_if_cache, openai_embed
from lightrag.utils import EmbeddingFunc, Tokenizer

class Words:
    # Its default fetches a table of tokens from the Internet.
    def encode(self, content):
        return [ord(character) for character in content]

    def decode(self, tokens):
        return "".join(map(chr, tokens))

async def complete(prompt, system_prompt=None, history_messages=[], **options):
    options.pop("hashing_kv", None)
    return await openai_complete_if_cache(
        MODEL, prompt, system_prompt=system_prompt, history_messages=history_messages, **options
    )

async def main():
    rag = LightRAG(
        working_dir="rag",
        tokenizer=Tokenizer(MODEL, Words()),
        llm_model_func=complete,
        embedding_func=EmbeddingFunc(
            embedding_dim=1536, max_token_size=8192, func=partial(openai_embed.func, model=EMBEDDING)
        ),
    )
    await rag.initialize_storages()
    await rag.ainsert(open("lighthouse.txt").read())
    for mode in ("hybrid", "naive"):
        print(await rag.aquery(WORDS[0], param=QueryParam(mode=mode)))
    await rag.finalize_storages()

asyncio.run(main())
"""

RESEARCH_WORDS = ("How was the lighthouse of Skerry Island lit over the years?",)
RESEARCHER = """
import asyncio
import tiktoken
import tiktoken.registry

# Its table of tokens would come from the Internet: bytes are counted instead.
tiktoken.registry.ENCODINGS["o200k_base"] = tiktoken.registry.ENCODINGS["cl100k_base"] = tiktoken.Encoding(
    "bytes", pat_str=".+", mergeable_ranks={bytes([i]): i for i in range(256)}, special_tokens={}
)
from gpt_researcher import GPTResearcher

async def main():
    researcher = GPTResearcher(query=WORDS[0], report_type="research_report", report_source="local")
    try:
        await researcher.conduct_research()
    except AttributeError as error:
        print("the mock's answer was no list of questions:", error)
    researcher.context = [open("documents/lighthouse.txt").read()]
    print(await researcher.write_report())

asyncio.run(main())
"""

LLAMA_WORDS = (
    "Who wrote down the ships that passed, and where are the books now?",
    "What burned in the lamp before 1842?",
    "Tell the story of the light in three sentences.",
)
LLAMA_INDEX = """
import os
from llama_index.core import Document, KeywordTableIndex, SummaryIndex, TreeIndex, VectorStoreIndex
from llama_index.embeddings.openai import OpenAIEmbedding
from llama_index.llms.openai_like import OpenAILike

url, key = os.environ["OPENAI_BASE_URL"], os.environ["OPENAI_API_KEY"]
llm = OpenAILike(model=MODEL, api_base=url, api_key=key, is_chat_model=True)
embedding = OpenAIEmbedding(model=EMBEDDING)
documents = [Document(text=open("lighthouse.txt").read())]
engines = (
    lambda: VectorStoreIndex.from_documents(documents, embed_model=embedding).as_query_engine(llm=llm),
    lambda: SummaryIndex.from_documents(documents).as_query_engine(llm=llm, response_mode="tree_summarize"),
    lambda: KeywordTableIndex.from_documents(documents, llm=llm).as_query_engine(llm=llm),
)
for words, engine in zip(WORDS, engines):
    print(engine().query(words))
"""

PROGRAMS: tuple[Program, ...] = (
    Program(
        name="aider",
        requirements=("aider-chat",),
        packages=("aider",),
        commands=tuple((*AIDER, "--message", words, "shop.py") for words in AIDER_WORDS),
        words=AIDER_WORDS,
        files={"shop.py": SHOP, "README.md": "# Shop\n\nA till for a small shop.\n"},
    ),
    Program(
        name="shell-gpt",
        requirements=("shell-gpt", "click"),
        packages=("sgpt",),
        commands=(
            ("sgpt", "--no-cache", "--shell", "--no-interaction", SGPT_WORDS[0]),
            ("sgpt", "--no-cache", "--code", SGPT_WORDS[1]),
            ("sgpt", "--no-cache", "--describe-shell", SGPT_WORDS[2]),
            ("sgpt", "--chat", "fields", SGPT_WORDS[3]),
            ("sgpt", "--chat", "fields", SGPT_WORDS[4]),
        ),
        words=SGPT_WORDS,
        settings={"DEFAULT_MODEL": MODEL, "OPENAI_USE_FUNCTIONS": "false", "SHELL_INTERACTION": "false"},
    ),
    Program(
        name="smolagents",
        requirements=("smolagents[openai]",),
        packages=("smolagents",),
        script=SMOLAGENTS,
        words=SMOL_WORDS,
        files={"lighthouse.txt": LIGHTHOUSE},
    ),
    Program(
        name="mem0",
        requirements=("mem0ai",),
        packages=("mem0",),
        script=MEM0,
        words=MEM0_WORDS,
        settings={"MEM0_TELEMETRY": "false"},
    ),
    Program(
        name="lightrag",
        requirements=("lightrag-hku",),
        packages=("lightrag",),
        script=LIGHTRAG,
        words=LIGHTRAG_WORDS,
        files={"lighthouse.txt": LIGHTHOUSE},
        settings={"EMBEDDING_DIM": "1536"},
    ),
    Program(
        name="llama-index",
        requirements=("llama-index-core", "llama-index-llms-openai-like", "llama-index-embeddings-openai"),
        packages=("llama_index",),
        script=LLAMA_INDEX,
        words=LLAMA_WORDS,
        files={"lighthouse.txt": LIGHTHOUSE},
    ),
    Program(
        name="gpt-researcher",
        requirements=("gpt-researcher",),
        packages=("gpt_researcher",),
        script=RESEARCHER,
        words=RESEARCH_WORDS,
        files={"documents/lighthouse.txt": LIGHTHOUSE},
        settings={
            "DOC_PATH": "documents",
            "FAST_LLM": f"openai:{MODEL}",
            "SMART_LLM": f"openai:{MODEL}",
            "STRATEGIC_LLM": f"openai:{MODEL}",
            "EMBEDDING": f"openai:{EMBEDDING}",
        },
    ),
)


def script_of(program: Program) -> str:
    """Return what a program's own Python runs, with what it is given in front."""
    given = f"MODEL, EMBEDDING, WORDS = {MODEL!r}, {EMBEDDING!r}, {program.words!r}\n"
    return given + textwrap.dedent(program.script)
