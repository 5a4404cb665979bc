// What a host makes of the manifest and of what a person filled in, by the official code: one line of JSON for each case.
//
//   node filled.mjs BUNDLE_FOLDER UPLOADS DOWNLOADS
import { readFile } from "node:fs/promises";
import { getMcpConfigForManifest } from "@anthropic-ai/mcpb";

const [folder, uploads, downloads] = process.argv.slice(2);
const manifest = JSON.parse(await readFile(`${folder}/manifest.json`, "utf-8"));
const withoutDefaults = structuredClone(manifest);
for (const field of Object.values(withoutDefaults.user_config)) delete field.default;

// A host may hand on an empty list, no value at all, or nothing in place of a default.
const cases = {
  "nothing filled in": [manifest, {}],
  "nothing filled in, no folder as an empty list": [manifest, { upload_dirs: [] }],
  "nothing filled in, by a host that leaves placeholders": [withoutDefaults, {}],
  "only the sandbox": [manifest, { sandbox: true }],
  "the sandbox and one folder": [manifest, { sandbox: true, upload_dirs: [uploads] }],
  "everything": [
    manifest,
    {
      api_key: "FORMS-1-KEYFORBUNDLE",
      api_secret: "FORMS-1-SECRETFORBUNDLE-2",
      sandbox: true,
      read_only: true,
      confirm: "approve",
      upload_dirs: [uploads, downloads],
      download_dir: downloads,
    },
  ],
};
for (const [name, [of, userConfig]] of Object.entries(cases)) {
  const config = await getMcpConfigForManifest({
    manifest: of,
    extensionPath: folder,
    systemDirs: {},
    userConfig,
    pathSeparator: "/",
  });
  console.log(JSON.stringify({ name, filled: Object.keys(userConfig), config }));
}
