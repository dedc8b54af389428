/** Sends GraphQL documents; those of one moment travel in one request. */
import type { TypedDocumentString } from "@/gql/graphql";

export class ApiError extends Error {
  constructor(
    message: string,
    readonly code: string,
  ) {
    super(message);
  }
}

interface Waiting {
  body: { query: string; variables: unknown };
  resolve: (data: any) => void;
  reject: (error: Error) => void;
}

/** Most documents that the server takes in one request. */
const MOST = 10;

let tenantId: string | undefined;
let waiting: Waiting[] = [];
let tellLoggedOut: () => void = () => {};

export function setTenantId(id: string | undefined): void {
  tenantId = id;
}

export const currentTenantId = (): string | undefined => tenantId;

export function onLoggedOut(listener: () => void): void {
  tellLoggedOut = listener;
}

/** The address of something on this server, wherever a proxy put it. */
export const at = (path: string): string => new URL(path, document.baseURI).href;

export function headers(): Record<string, string> {
  return tenantId ? { "x-prefect-tenant-id": tenantId } : {};
}

export function send<Result, Variables>(
  document: TypedDocumentString<Result, Variables>,
  variables?: Variables,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    if (waiting.length === 0) queueMicrotask(flush);
    waiting.push({ body: { query: document.toString(), variables }, resolve, reject });
  });
}

/** Any text as a document: for the page where people write their own. */
export async function sendText(query: string, variables: unknown): Promise<unknown> {
  const reply = await post({ query, variables });
  return reply.json();
}

function flush(): void {
  const all = waiting;
  waiting = [];
  for (let start = 0; start < all.length; start += MOST) void sendTogether(all.slice(start, start + MOST));
}

function post(body: unknown): Promise<Response> {
  return fetch(at("graphql"), {
    method: "POST",
    headers: { "content-type": "application/json", ...headers() },
    body: JSON.stringify(body),
  });
}

async function sendTogether(group: Waiting[]): Promise<void> {
  try {
    const single = group.length === 1;
    const reply = await post(single ? group[0]!.body : group.map((one) => one.body));
    const found = await reply.json();
    const answers: any[] = Array.isArray(found) ? found : group.map(() => found);
    group.forEach((one, index) => {
      settle(one, answers[index]);
    });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    for (const one of group) one.reject(new ApiError(`The server did not answer: ${text}`, "UNREACHABLE"));
  }
}

function settle(one: Waiting, answer: any): void {
  const problem = answer?.errors?.[0];
  if (!problem) {
    one.resolve(answer.data);
    return;
  }
  const code = problem.extensions?.code ?? "INTERNAL_SERVER_ERROR";
  if (code === "UNAUTHENTICATED") tellLoggedOut();
  one.reject(new ApiError(problem.message, code));
}
