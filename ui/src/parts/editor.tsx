/** An editor for JSON and GraphQL. */
import { json } from "@codemirror/lang-json";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import { keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { basicSetup, EditorView } from "codemirror";
import { useEffect, useRef } from "react";
import { nonce } from "@/lib/nonce";
import { cx } from "./basics";

const THEME = EditorView.theme({
  "&": { fontSize: "12px", height: "100%", backgroundColor: "transparent", color: "var(--text)" },
  "&.cm-focused": { outline: "2px solid var(--s-running)" },
  ".cm-scroller": { fontFamily: "var(--font-mono, ui-monospace, monospace)", lineHeight: "20px" },
  ".cm-gutters": { backgroundColor: "var(--panel)", color: "var(--muted)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "transparent" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--line-strong)",
  },
  ".cm-tooltip": {
    backgroundColor: "var(--raised)",
    color: "var(--text)",
    border: "1px solid var(--line-strong)",
  },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--hover)", color: "var(--text)" },
});

const COLOURS = HighlightStyle.define([
  { tag: [tags.string, tags.special(tags.string)], color: "var(--s-good)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--s-paused)" },
  { tag: [tags.keyword, tags.definitionKeyword], color: "var(--s-bad)" },
  { tag: [tags.propertyName, tags.attributeName], color: "var(--link)" },
  { tag: [tags.comment, tags.punctuation, tags.bracket], color: "var(--muted)" },
]);

interface Props {
  value: string;
  onChange: (value: string) => void;
  label: string;
  language?: Extension;
  onSubmit?: () => void;
  readOnly?: boolean;
  className?: string;
}

export function Editor({ value, onChange, label, language, onSubmit, readOnly, className }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView | null>(null);
  const latest = useRef({ onChange, onSubmit });
  latest.current = { onChange, onSubmit };
  const spoken = useRef(new Compartment());

  useEffect(() => {
    if (!box.current) return;
    const made = new EditorView({
      parent: box.current,
      state: EditorState.create({
        doc: value,
        extensions: [
          keymap.of([
            {
              key: "Mod-Enter",
              run: () => {
                latest.current.onSubmit?.();
                return true;
              },
            },
          ]),
          basicSetup,
          syntaxHighlighting(COLOURS),
          spoken.current.of(language ?? json()),
          THEME,
          EditorView.lineWrapping,
          EditorState.readOnly.of(readOnly ?? false),
          EditorView.contentAttributes.of({ "aria-label": label }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString());
          }),
          ...(nonce ? [EditorView.cspNonce.of(nonce)] : []),
        ],
      }),
    });
    view.current = made;
    return () => made.destroy();
  }, []);

  useEffect(() => {
    const made = view.current;
    if (made && made.state.doc.toString() !== value)
      made.dispatch({ changes: { from: 0, to: made.state.doc.length, insert: value } });
  }, [value]);

  useEffect(() => {
    if (language) view.current?.dispatch({ effects: spoken.current.reconfigure(language) });
  }, [language]);

  return (
    <div
      ref={box}
      className={cx("min-h-0 overflow-hidden rounded-md border border-line-strong bg-page", className)}
    />
  );
}
