/** What to type to have an agent, for each kind of it. */

export interface Where {
  /** Address of the API. */
  address: string;
  requiresKeys: boolean;
  /** The key that was made for the agent, if one was. */
  key?: string;
  labels: string[];
}

export interface Kind {
  key: string;
  label: string;
  about: string;
  /** Steps, each one thing to copy. */
  steps: (where: Where) => string[];
}

/** A word of a shell, whatever is in it. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

const PLACE_OF_KEY = "YOUR_API_KEY";

const labelled = ({ labels }: Where): string => labels.map((one) => ` --label ${quoted(one)}`).join("");

/** How a shell is told where the API is. */
export function setup({ address, requiresKeys, key }: Where): string {
  if (!requiresKeys)
    return `export PREFECT__BACKEND=server\nexport PREFECT__SERVER__ENDPOINT=${quoted(address)}`;
  return [
    "export PREFECT__BACKEND=cloud",
    `export PREFECT__CLOUD__API=${quoted(address)}`,
    `export PREFECT__CLOUD__API_KEY=${key ?? PLACE_OF_KEY}`,
  ].join("\n");
}

const access = ({ address, requiresKeys, key }: Where): string =>
  ` --api ${quoted(address)}${requiresKeys ? ` --key ${key ?? PLACE_OF_KEY}` : ""}`;

export const KINDS: Kind[] = [
  {
    key: "local",
    label: "Local",
    about: "Runs are processes of the machine that the agent is on.",
    steps: (where) => [
      `${setup(where)}\nprefect agent local start${labelled(where)}`,
      `prefect agent local install --format systemd${access(where)}${labelled(where)}`,
    ],
  },
  {
    key: "docker",
    label: "Docker",
    about: "Runs are containers of Docker or Podman.",
    steps: (where) => [
      `${setup(where)}\nprefect agent docker start${labelled(where)}`,
      `prefect agent docker install --format compose${access(where)}${labelled(where)} > agent.yaml`,
    ],
  },
  {
    key: "kubernetes",
    label: "Kubernetes",
    about: "Runs are jobs of a cluster, and the agent is a deployment in it.",
    steps: (where) => [
      `prefect agent kubernetes install --rbac --namespace default${access(where)}${labelled(where)} | kubectl apply -f -`,
    ],
  },
  {
    key: "ecs",
    label: "ECS",
    about: "Runs are tasks of Amazon ECS, of Fargate unless you say otherwise.",
    steps: (where) => [`${setup(where)}\nprefect agent ecs start --cluster YOUR_CLUSTER${labelled(where)}`],
  },
  {
    key: "vertex",
    label: "Vertex",
    about: "Runs are custom jobs of Vertex AI of Google Cloud.",
    steps: (where) => [
      `${setup(where)}\nprefect agent vertex start --project YOUR_PROJECT --region-name YOUR_REGION${labelled(where)}`,
    ],
  },
];
