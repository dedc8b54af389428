/** Which addresses of others a page links to. */

// Browsers drop control characters, so that "java\nscript:" is no relative link.
export const isWebLink = (url: unknown): url is string =>
  typeof url === "string" && /^https?:\/\//i.test(url.replace(/[\u0000-\u0020]/g, ""));
