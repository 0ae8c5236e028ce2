/** CommonJS globals that `ssh2` reads when it loads and that ES-module bundles lack. Loaded before it. */
Object.assign(globalThis, { __dirname: "/", __filename: "/bundle.js" });
