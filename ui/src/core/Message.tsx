import { useState } from "react";
import { Markdown } from "./Markdown";
import { Text, Verbatim } from "./Text";

const PICTURE = /^data:image\/(?:png|jpeg|gif|webp);base64,/i;

interface OneMessage {
  role: string;
  /** Which of several answers it is. */
  which?: string | undefined;
  children: React.ReactNode;
}

/** One message: who says it, and its parts beneath. */
export function Message({ role, which, children }: OneMessage) {
  const title = which ? `${role}, ${which}` : role;
  return (
    <article className={`hg-message hg-role-${/^[a-z]+$/.test(role) ? role : "unknown"}`} aria-label={`message of ${title}`}>
      <header>{title}</header>
      <div className="hg-message-parts">{children}</div>
    </article>
  );
}

/** What a person or a model wrote: drawn as Markdown, or as it was written. */
export function Words({ text, asWritten }: { text: string; asWritten: boolean }) {
  return asWritten ? <Verbatim text={text} label="text of the message" /> : <Markdown text={text} />;
}

export function Folded({ title, children, isOpen = false }: { title: React.ReactNode; children: React.ReactNode; isOpen?: boolean }) {
  return (
    <details className="hg-folded" open={isOpen}>
      <summary>{title}</summary>
      {children}
    </details>
  );
}

export function ToolCall({ name, id, text }: { name: string; id: string; text: string }) {
  return (
    <div className="hg-tool">
      <div className="hg-tool-name">
        calls <code>{<Text>{name}</Text>}</code> <span className="hg-soft">{<Text>{id}</Text>}</span>
      </div>
      {text !== "" && <Verbatim text={text} label={`arguments of ${name}`} />}
    </div>
  );
}

export function ToolResult({ id, text, pictures = [] }: { id: string; text: string; pictures?: string[] | undefined }) {
  return (
    <div className="hg-tool">
      <div className="hg-tool-name">
        result <span className="hg-soft">{<Text>{id}</Text>}</span>
      </div>
      {text !== "" && <Verbatim text={text} label="result of the tool" />}
      {text === "" && pictures.length === 0 && <p className="hg-soft">nothing</p>}
      {pictures.map((source, place) => (
        <Picture key={place} source={source} />
      ))}
    </div>
  );
}

/** A picture that the message holds. One from elsewhere isn't loaded: its host would learn who looks. */
export function Picture({ source }: { source: string }) {
  const [isBroken, setBroken] = useState(false);
  if (PICTURE.test(source) && !isBroken) {
    return <img className="hg-picture" src={source} alt="as the message holds it" onError={() => setBroken(true)} />;
  }
  return (
    <p className="hg-image-address">
      {source.startsWith("data:") ? "an image that can't be shown" : "image, not loaded: "}
      {!source.startsWith("data:") && <Text>{source.slice(0, 500)}</Text>}
    </p>
  );
}
