/** What lets style elements in that libraries add at run time: new with every load of the page. */
export const nonce = document.querySelector<HTMLMetaElement>('meta[name="csp-nonce"]')?.content || undefined;
