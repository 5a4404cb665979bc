// The files that `setup` writes for four clients, and the places of all on three systems, as another project knows them:
// @gleanwork/mcp-config-schema.
//
//   node schemas.mjs PLACES < {"vscode": <what was written>, ...}
import { readFileSync } from 'node:fs';
import { MCPConfigRegistry, validateGeneratedConfig } from '@gleanwork/mcp-config-schema';

const places = JSON.parse(process.argv[2]);
const written = JSON.parse(readFileSync(0, 'utf8'));
const known = new MCPConfigRegistry();
let failed = 0;
const check = (said, right, found) => {
  if (!right) {
    failed = 1;
    console.log(`FAILED: ${said}: ${JSON.stringify(found)}`);
  }
};

for (const [client, told] of Object.entries(written)) {
  const judged = validateGeneratedConfig(told, client);
  check(`${client} is told what it understands`, judged.success, judged.error);
  const { serversPropertyName: servers } = known.getConfig(client).configStructure;
  check(`${client} looks for servers there`, told[servers]?.flipsnack, Object.keys(told));
}
for (const [client, systems] of Object.entries(places)) {
  for (const [system, place] of Object.entries(systems)) {
    const theirs = known.getConfig(client).configPath[system];
    check(`${client} keeps it there on ${system}`, place === theirs, [place, theirs]);
  }
}
console.log(`${Object.keys(written).length} written files fit their schemas, ${Object.keys(places).length} clients keep them there`);
process.exit(failed);
