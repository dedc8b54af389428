/** Links to addresses of others. */
import { isWebLink } from "./links";

export function OutLink({ url, children }: { url: unknown; children: React.ReactNode }) {
  if (!isWebLink(url)) return <span>{children}</span>;
  return (
    <a href={url} target="_blank" rel="noopener noreferrer" className="break-all text-link underline">
      {children}
    </a>
  );
}
