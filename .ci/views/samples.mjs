// What the real server answers: one result of every kind, asked by the official client on one revision of the protocol.
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const UI = "io.modelcontextprotocol/ui", MIME = "text/html;profile=mcp-app";

export async function connect(python, source, home, mode) {
  mkdirSync(`${home}/documents`, { recursive: true });
  for (const name of ["autumn", "menu"]) {
    copyFileSync(`${source}/flipsnack_mcp/commands/catalogue.pdf`, `${home}/documents/${name}.pdf`);
    writeFileSync(`${home}/documents/${name}.pdf`, `\n%${name}`, { flag: "a" });
  }
  const env = { ...process.env, HOME: home, PYTHONPATH: source, FLIPSNACK_UPLOAD_DIRS: `${home}/documents`, FLIPSNACK_DOWNLOAD_DIR: home };
  const capabilities = { extensions: { [UI]: { mimeTypes: [MIME] } } };
  const client = new Client({ name: `views-${mode}`, version: "1" }, { capabilities, versionNegotiation: { mode } });
  await client.connect(new StdioClientTransport({ command: python, args: [`${source}/benchmarks/quick_server.py`], env }));
  return client;
}

// The view as a host reads it: by the address in the tool's own `_meta`.
export async function viewOf(client) {
  const { tools } = await client.listTools();
  const { resourceUri } = tools.find((one) => one.name === "list_collections")._meta.ui;
  const [{ text, mimeType, _meta }] = (await client.readResource({ uri: resourceUri })).contents;
  if (mimeType !== MIME) throw new Error(`the view is ${mimeType}`);
  return { html: text, csp: _meta?.ui?.csp };
}

export async function samples(client) {
  const call = (name, given) => client.callTool({ name, arguments: given }, { timeout: 120_000 });
  const made = {};
  const keep = async (kind, name, given) => {
    const result = await call(name, given);
    made[kind] = { name, input: given, result };
    return result.structuredContent ?? {};
  };
  const listed = await keep("collections", "list_collections", { limit: 12 });
  const [first, second] = listed.collections.map((one) => one.collection_hash);
  const looking = async () => {
    await keep("covers", "list_collections", { limit: 20, details: true });
    await keep("nothing", "list_collections", { query: "zzzzqq" });
    await keep("collection", "get_collection", { collection_hash: first });
    await keep("statistics", "get_collection_stats", { collection_hash: first, include_page_stats: true });
    await keep("deletion", "delete_collections", { query: "kitchen" });
    await keep("error", "get_collection", { collection_hash: "nosuchone" });
    await keep("package", "download_collection_html", { collection_hash: second, wait_seconds: 45 });
  };
  const reporting = async () => {
    const over = { everything: true, compare: true };
    await keep("running", "report_stats", { ...over, wait_seconds: 0 });
    await keep("report", "report_stats", { ...over, wait_seconds: 45 });
    await keep("audit", "audit_account", { wait_seconds: 45 });
    const { plan_id } = await keep("plan", "update_collections", { query: "weekly", find: "Weekly", replace: "Week" });
    await keep("carried out", "update_collections", { plan_id, wait_seconds: 45 });
  };
  const uploading = async () => {
    await keep("batch", "create_collections", { documents: ["autumn.pdf", "menu.pdf"], title: "{name} 2026" });
    await keep("dry run", "create_collection", { file_path: "menu.pdf", dry_run: true });
    await keep("uploading", "create_collection", { file_path: "menu.pdf", title: "Menu", wait_seconds: 0 });
    await keep("upload", "create_collection", { file_path: "autumn.pdf", title: "Autumn", status: "public", wait_seconds: 45 });
    await keep("uploads", "get_upload", {});
  };
  await Promise.all([looking(), reporting(), uploading()]);
  return made;
}
