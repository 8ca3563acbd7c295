// Markdown as elements, from the tokens of the text: no HTML is ever parsed, and nothing is loaded.

import { type Token, type Tokens, lexer } from "marked";
import { Fragment, memo, useMemo } from "react";
import { LongText, Text } from "./Text";

const SAFE_LINK = /^(https?:|mailto:)/i;
const DEPTH_MAX = 24;

export const Markdown = memo(function Markdown({ text }: { text: string }) {
  return (
    <LongText text={text}>
      {(shown) => (
        <div className="hg-markdown">
          <Parsed text={shown} />
        </div>
      )}
    </LongText>
  );
});

function Parsed({ text }: { text: string }) {
  const tokens = useMemo(() => tokensOf(text), [text]);
  return tokens === null ? <Text>{text}</Text> : <Blocks tokens={tokens} depth={0} />;
}

function tokensOf(text: string): Token[] | null {
  try {
    return lexer(text, { gfm: true });
  } catch {
    // What can't be read as Markdown is shown as it is.
    return null;
  }
}

function Blocks({ tokens, depth }: { tokens: Token[]; depth: number }) {
  return tokens.map((token, place) => <Fragment key={place}>{block(token as Tokens.Generic, depth)}</Fragment>);
}

function block(token: Tokens.Generic, depth: number): React.ReactNode {
  const inner = token.tokens ?? [];
  if (depth > DEPTH_MAX) {
    return <Text>{token.raw}</Text>;
  }
  switch (token.type) {
    case "space":
    case "def":
      return null;
    case "heading":
      // Headings of a message are no headings of the page.
      return (
        <p className={`hg-heading hg-heading-${token["depth"]}`}>
          <Blocks tokens={inner} depth={depth + 1} />
        </p>
      );
    case "paragraph":
      return (
        <p>
          <Blocks tokens={inner} depth={depth + 1} />
        </p>
      );
    case "code":
      return (
        <pre className="hg-code" tabIndex={0} aria-label={`code ${token["lang"] ?? ""}`.trim()}>
          <Text>{token["text"] as string}</Text>
        </pre>
      );
    case "blockquote":
      return (
        <blockquote>
          <Blocks tokens={inner} depth={depth + 1} />
        </blockquote>
      );
    case "list":
      return list(token as Tokens.List, depth);
    case "table":
      return table(token as Tokens.Table, depth);
    case "hr":
      return <hr />;
    default:
      return inline(token, depth);
  }
}

function list(token: Tokens.List, depth: number): React.ReactNode {
  const items = token.items.map((item, place) => (
    <li key={place}>
      {item.task && <input type="checkbox" checked={item.checked === true} readOnly disabled aria-label="task" />}
      <Blocks tokens={item.tokens} depth={depth + 1} />
    </li>
  ));
  return token.ordered ? <ol start={token.start === "" ? 1 : token.start}>{items}</ol> : <ul>{items}</ul>;
}

function table(token: Tokens.Table, depth: number): React.ReactNode {
  return (
    <div className="hg-scroll-x" tabIndex={0} role="region" aria-label="table of the message">
      <table>
        <thead>
          <tr>
            {token.header.map((cell, place) => (
              <th key={place} scope="col">
                <Blocks tokens={cell.tokens} depth={depth + 1} />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {token.rows.map((row, place) => (
            <tr key={place}>
              {row.map((cell, column) => (
                <td key={column}>
                  <Blocks tokens={cell.tokens} depth={depth + 1} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inline(token: Tokens.Generic, depth: number): React.ReactNode {
  const inner = <Blocks tokens={token.tokens ?? []} depth={depth + 1} />;
  switch (token.type) {
    case "strong":
      return <strong>{inner}</strong>;
    case "em":
      return <em>{inner}</em>;
    case "del":
      return <del>{inner}</del>;
    case "codespan":
      return (
        <code>
          <Text>{token["text"] as string}</Text>
        </code>
      );
    case "br":
      return <br />;
    case "link":
      return link(token as Tokens.Link, inner);
    case "image":
      // An image from elsewhere would tell its host who looks: only its address is shown.
      return (
        <span className="hg-image-address">
          image <Text>{`${token["text"]}: ${token["href"]}`}</Text>
        </span>
      );
    case "text":
      return token.tokens ? inner : <Text>{unescape(token["text"] as string)}</Text>;
    case "escape":
      return <Text>{unescape(token["text"] as string)}</Text>;
    default:
      return <Text>{token.raw}</Text>;
  }
}

function link(token: Tokens.Link, inner: React.ReactNode): React.ReactNode {
  if (!SAFE_LINK.test(token.href)) {
    return <Text>{token.raw}</Text>;
  }
  // The address stands beside words that may say something else.
  const says = token.text.trim() === token.href ? null : <span className="hg-address"> ({hostOf(token.href)})</span>;
  return (
    <>
      <a href={token.href} target="_blank" rel="noopener noreferrer nofollow">
        {inner}
      </a>
      {says}
    </>
  );
}

function hostOf(address: string): string {
  try {
    return new URL(address).host || address;
  } catch {
    return address;
  }
}

const ENTITIES: Record<string, string> = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&#39;": "'" };

function unescape(text: string): string {
  return text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => ENTITIES[entity] ?? entity);
}
