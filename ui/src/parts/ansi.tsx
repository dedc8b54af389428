/** Colours that programs put into their lines, without letting them do anything else. */
import type { ReactNode } from "react";

const COLOURS: Record<string, string> = {
  31: "text-bad",
  91: "text-bad",
  32: "text-good",
  92: "text-good",
  33: "text-late",
  93: "text-late",
  34: "text-running",
  94: "text-running",
  35: "text-paused",
  95: "text-paused",
  36: "text-running",
  96: "text-running",
  90: "text-muted",
};

const CODE = /\u001b\[([0-9;]*)m/g;
const OTHERS =
  /\u001b\[[0-9;?]*[A-Za-ln-z]|\u001b\][^\u0007]*(?:\u0007|\u001b\\)|[\u0000-\u0008\u000b-\u001a\u001c-\u001f]/g;

export interface Piece {
  text: string;
  className: string;
}

export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let className = "";
  let from = 0;
  const clean = text.replace(OTHERS, "");
  for (const match of clean.matchAll(CODE)) {
    if (match.index > from) found.push({ text: clean.slice(from, match.index), className });
    from = match.index + match[0].length;
    for (const code of (match[1] || "0").split(";")) {
      if (code === "0" || code === "39") className = "";
      else if (code === "1") className = `${className} font-semibold`;
      else if (COLOURS[code]) className = COLOURS[code];
    }
  }
  if (from < clean.length) found.push({ text: clean.slice(from), className });
  return found;
}

export function Ansi({ text, find }: { text: string; find?: string }): ReactNode {
  if (!text.includes("\u001b")) return <Found text={text.replace(OTHERS, "")} find={find} />;
  return pieces(text).map((piece, index) => (
    <span key={index} className={piece.className}>
      <Found text={piece.text} find={find} />
    </span>
  ));
}

function Found({ text, find }: { text: string; find?: string }): ReactNode {
  if (!find) return text;
  const parts: ReactNode[] = [];
  const lower = text.toLowerCase();
  const wanted = find.toLowerCase();
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    parts.push(text.slice(from, at));
    parts.push(
      <mark key={at} className="rounded-sm bg-late/30 text-inherit">
        {text.slice(at, at + wanted.length)}
      </mark>,
    );
    from = at + wanted.length;
  }
  parts.push(text.slice(from));
  return parts;
}
