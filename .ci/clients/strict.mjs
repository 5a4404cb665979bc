// The MCP Inspector's strict look at a server's menu: every schema that some client could not use, warnings too.
//
//   node strict.mjs legacy|modern URL | COMMAND [ARG...]       the Inspector from node_modules beside this file
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const [era, ...target] = process.argv.slice(2);
const inspector = path.join(import.meta.dirname, 'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js');
const asked = ['--protocol-era', era, '-q', '--format', 'json', '--method', 'tools/list', '--strict'];
const env = { ...process.env, MCP_INSPECTOR_SECRET_STORE: 'memory' };
const { status, stdout, stderr } = spawnSync(process.execPath, [inspector, '--cli', ...target, ...asked], { env, encoding: 'utf8', timeout: 120_000, maxBuffer: 1e8 });
const { result, schemaFindings: found = [] } = status === 0 ? JSON.parse(stdout) : {};
const tools = result?.tools.length ?? 0, good = tools >= 14 && !found.length;
if (!good) console.log(`exit ${status}: ${JSON.stringify(found)} ${stderr.slice(-2000)}`);
const over = /^https?:/.test(target[0]) ? 'HTTP' : 'stdio';
console.log(`Inspector, ${era}, over ${over}: ${tools} tools, ${found.length} of them with findings`);
process.exit(good ? 0 : 1);
