import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "schema.graphql",
  documents: ["src/**/*.{ts,tsx}", "!src/gql/**"],
  ignoreNoDocuments: true,
  silent: true,
  generates: {
    "./src/gql/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        documentMode: "string",
        useTypeImports: true,
        enumsAsTypes: true,
        skipTypename: true,
        scalars: {
          uuid: "string",
          UUID: "string",
          timestamptz: "string",
          DateTime: "string",
          jsonb: "any",
          JSON: "any",
          _uuid: "string",
          log_level: "string",
        },
      },
    },
  },
};

export default config;
