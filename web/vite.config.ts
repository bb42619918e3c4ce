import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// The console is served by the same process as the API; in development Vite passes both through to it.
const api = process.env['FENZHAN_API'] ?? 'http://127.0.0.1:4000';

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    outDir: '../dist',
    emptyOutDir: true,
    target: 'es2023',
    manifest: true,
    chunkSizeWarningLimit: 800,
    rolldownOptions: {
      output: {
        // What every page needs comes as two files rather than dozens: the libraries that change seldom, and our own parts.
        codeSplitting: {
          groups: [
            {
              name: 'libraries',
              test: /node_modules\/(react|react-dom|scheduler|react-router|urql|@urql|wonka|graphql|graphql-ws|i18next[^/]*|react-i18next)\//,
            },
            { name: 'parts', test: /web\/(app|frame|gql|parts(?!\/goods))\// },
          ],
        },
      },
    },
  },
  server: { proxy: { '/graphql': { target: api, ws: true }, '/auth': { target: api } } },
});
