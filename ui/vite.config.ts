import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// `npm run dev` asks a Headgate that runs: HEADGATE_URL, by default the one on port 4400.
const target = process.env["HEADGATE_URL"] ?? "http://127.0.0.1:4400";

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    outDir: "../src/headgate/console",
    emptyOutDir: true,
    // The policy of the page lets no data: script or style in.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: "es2022",
  },
  server: { proxy: { "/api": { target, changeOrigin: true } } },
});
