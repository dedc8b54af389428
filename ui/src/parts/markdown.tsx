/** Markdown of others: no HTML, no scripts, links to the web only. */
import ReactMarkdown from "react-markdown";
import rehypeSanitize from "rehype-sanitize";
import remarkGfm from "remark-gfm";
import { isWebLink } from "./links";

export function OutLink({ url, children }: { url: unknown; children: React.ReactNode }) {
  if (!isWebLink(url)) return <span>{children}</span>;
  return (
    <a href={url} target="_blank" rel="noopener noreferrer" className="break-all text-link underline">
      {children}
    </a>
  );
}

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
