import { defineConfig } from 'vite';

/** SharedArrayBuffer is only there on pages that nobody else can look into. */
const headers = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

export default defineConfig({
  resolve: { conditions: ['@mmu-notifier/source', 'module', 'browser'] },
  server: { headers },
  preview: { headers },
  worker: { format: 'es' },
});
