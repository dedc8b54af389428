import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `npm run dev` serves the sources and sends everything else on to a server on its usual port.
const API = process.env.PREFECT_UI_API ?? "http://127.0.0.1:4200";

export default defineConfig({
  base: "./", // the page says where it is (<base>), so that any path of a proxy works
  plugins: [react(), tailwindcss()],
  resolve: { alias: { "@": new URL("./src", import.meta.url).pathname } },
  build: {
    outDir: "../src/prefect/server/ui",
    emptyOutDir: true,
    assetsInlineLimit: 0, // the content security policy allows no data: scripts or fonts
    chunkSizeWarningLimit: 2000, // the layout worker is large and loaded on demand
  },
  worker: { format: "es" },
  server: {
    proxy: Object.fromEntries(["/graphql", "/events", "/session", "/health"].map((path) => [path, API])),
  },
});
