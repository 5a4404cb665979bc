// The scenarios of the official conformance suite that any server can be asked, on both protocol revisions.
//
//   node conformance.mjs URL       of a server over Streamable HTTP; the suite from node_modules beside this file
//
// The other scenarios want tools, resources and prompts that exist for the suite alone.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const [url] = process.argv.slice(2);
const suite = path.join(import.meta.dirname, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');
const both = ['tools-list', 'resources-list', 'prompts-list', 'server-sse-multiple-streams', 'dns-rebinding-protection'];
const scenarios = {
  '2025-11-25': [...both, 'server-initialize', 'server-session-lifecycle', 'ping'],
  '2026-07-28': [
    ...both, 'server-stateless', 'sep-2164-resource-not-found', 'caching', 'http-header-validation',
    'input-required-result-unsupported-methods',
  ],
};
// Only a tool made for the suite could show these; the other checks of their scenario count.
const excused = new Set(['sep-2575-server-rejects-undeclared-capability', 'sep-2575-missing-capability-http-400']);
const AT_ONCE = 3, AT_MOST = 120_000;
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'conformance-'));

const run = (revision, scenario, kept) => new Promise((resolve) => {
  const given = [suite, 'server', '--url', url, '--scenario', scenario, '--spec-version', revision, '-o', kept];
  let said = '';
  const child = spawn(process.execPath, given, { timeout: AT_MOST });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece) => { said += piece; });
  child.on('close', () => resolve(said));
});
const judged = async (revision, scenario) => {
  const kept = fs.mkdtempSync(path.join(folder, `${scenario}-`)), said = await run(revision, scenario, kept);
  const found = fs.existsSync(kept) ? fs.readdirSync(kept).map((one) => path.join(kept, one, 'checks.json')).filter(fs.existsSync) : [];
  if (!found.length) return [`no checks: ${said.slice(-600)}`];
  const failed = JSON.parse(fs.readFileSync(found[0])).filter(({ id, status }) => status === 'FAILURE' && !excused.has(id));
  return failed.map(({ id, errorMessage, description }) => `${id}: ${errorMessage || description}`);
};

const waiting = Object.entries(scenarios).flatMap(([revision, names]) => names.map((name) => [revision, name]));
const all = waiting.length, again = [];
await Promise.all(Array.from({ length: AT_ONCE }, async () => {
  for (let one = waiting.shift(); one; one = waiting.shift()) if ((await judged(...one)).length) again.push(one);
}));
// The suite waits 0.6 s for a frame: too little where others are busy beside it. What fails is asked once more, alone.
let wrong = 0;
for (const one of again) {
  const failures = await judged(...one);
  wrong += failures.length > 0;
  for (const failure of failures) console.log(`FAIL ${one.join(' ')}: ${failure}`);
}
fs.rmSync(folder, { recursive: true });
console.log(`conformance: ${all - wrong} of ${all} scenarios passed, ${again.length} asked twice`);
process.exit(wrong ? 1 : 0);
