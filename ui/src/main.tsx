import { CSPProvider } from "@base-ui/react/csp-provider";
import { Tooltip } from "@base-ui/react/tooltip";
import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { queryClient } from "@/api/query";
import { router } from "@/app/router";
import { nonce } from "@/lib/nonce";
import { startPrefs } from "@/lib/prefs";
import "./styles.css";

startPrefs();
createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <CSPProvider nonce={nonce} disableStyleElements>
      <QueryClientProvider client={queryClient}>
        <Tooltip.Provider>
          <RouterProvider router={router} />
        </Tooltip.Provider>
      </QueryClientProvider>
    </CSPProvider>
  </StrictMode>,
);
