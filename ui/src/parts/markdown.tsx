/** Markdown of others: no HTML, no scripts, links to the web only. */
import ReactMarkdown from "react-markdown";
import rehypeSanitize from "rehype-sanitize";
import remarkGfm from "remark-gfm";
import { OutLink } from "./out-link";

export function Markdown({ text }: { text: string }) {
  return (
    <div className="markdown text-sm">
      <ReactMarkdown
        remarkPlugins={[remarkGfm]}
        rehypePlugins={[rehypeSanitize]}
        components={{ a: ({ href, children }) => <OutLink url={href}>{children}</OutLink> }}
      >
        {text}
      </ReactMarkdown>
    </div>
  );
}
