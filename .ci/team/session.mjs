// One session of an official TypeScript client with a team's server over HTTPS: looks, changes, and a deletion.
//
//   TOKEN=... NODE_EXTRA_CA_CERTS=... node session.mjs v1|v2 legacy|auto URL ACCOUNT
//
// v1 is @modelcontextprotocol/sdk, v2 @modelcontextprotocol/client; both from node_modules beside this file. On 2026-07-28 a
// form is shown, whichever replica asks and whichever is answered; before it the refusal brings a code.
const [line, mode, url, account] = process.argv.slice(2);
const library = line === 'v1' ? '@modelcontextprotocol/sdk' : '@modelcontextprotocol/client';
const load = (name) => import(library + name);
const { Client } = await load(line === 'v1' ? '/client/index.js' : '');
const { StreamableHTTPClientTransport } = await load(line === 'v1' ? '/client/streamableHttp.js' : '');
const asked = line === 'v1' ? (await load('/types.js')).ElicitRequestSchema : 'elicitation/create';
const TO_READ = 700, CALLS = 20;

let wrong = 0, forms = 0, told = 0;
const check = (good, what) => { if (!good) { wrong += 1; console.log(`FAIL ${line} ${mode}: ${what}`); } };
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const negotiation = line === 'v1' ? {} : { versionNegotiation: { mode } };
const client = new Client({ name: `team-${line}`, version: '1' }, { capabilities: { elicitation: { form: {} } }, ...negotiation });
client.setRequestHandler(asked, async ({ params }) => {
  forms += 1;
  await pause(TO_READ);
  return { action: 'accept', content: { title: /type "([^"]*)"\.$/.exec(params.message)[1] } };
});
await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers: { Authorization: `Bearer ${process.env.TOKEN}` } } }));

const call = async (name, given) => {
  const options = { timeout: 120_000, onprogress: () => { told += 1; } }, request = { name, arguments: { account, ...given } };
  return line === 'v1' ? client.callTool(request, undefined, options) : client.callTool(request, options);
};
const done = async (name, given) => {
  const result = await call(name, given);
  check(!result.isError, `${name}: ${JSON.stringify(result.content).slice(0, 300)}`);
  return result.structuredContent ?? {};
};

const tools = (await client.listTools()).tools;
check(tools.length >= 14, `${tools.length} tools`);
const listed = (await done('list_collections', { limit: 60, order_by: 'name', order: 'asc' })).collections;
check(listed.every(({ title }) => title.startsWith(account)), `titles of another account: ${JSON.stringify(listed).slice(0, 300)}`);
// What others beside this one make and delete meanwhile is called otherwise.
const collections = listed.filter(({ title }) => title.startsWith(`${account} offers`));
await Promise.all(Array.from({ length: CALLS }, async (_, number) => {
  await pause(200 * number);
  await done('get_collection', { collection_hash: collections[number % 8].collection_hash });
}));
const marker = `mark ${line} ${mode}`;
await done('update_collection', { collection_hash: collections[8].collection_hash, description: marker });
const upload = await done('create_collection', { file_url: 'https://files.example.com/offers.pdf', title: `${account} ${marker}`, wait_seconds: 0 });
const finished = await done('get_upload', { upload_id: upload.upload_id, wait_seconds: 45 });
check(finished.state === 'complete', `the upload is ${JSON.stringify(finished).slice(0, 300)}`);

const target = { collection_hash: finished.collection_hash };
let deleted = await call('delete_collection', target);
const code = /confirmation="([A-Z2-7]{8})"/.exec(deleted.content[0].text);
if (code) deleted = await call('delete_collection', { ...target, confirmation: code[1] });
check(!deleted.isError && deleted.structuredContent.deleted === true, `the deletion: ${JSON.stringify(deleted).slice(0, 300)}`);
check(forms === (mode === 'auto' ? 1 : 0) || (mode === 'legacy' && forms === 1), `${forms} forms`);

await client.close();
console.log(`${line} ${mode}: ${tools.length} tools, ${CALLS} looks, ${told} notifications, ${forms} forms${code ? ', a code' : ''}`);
process.exit(wrong ? 1 : 0);
