// One session of an official TypeScript client: calls that tell how far they are, then forms that are answered.
//
//   node session.mjs v1|v2 legacy|auto CALLS PDF -- COMMAND [ARG...]
//
// v1 is @modelcontextprotocol/sdk, v2 @modelcontextprotocol/client; both from node_modules beside this file. COMMAND is
// a server on the sandbox, whose environment is this one's. Exits with 1 where a notification came when its request was
// forgotten already, or where a form did not end as it should.
const [line, mode, calls, document, , ...command] = process.argv.slice(2);
const library = line === 'v1' ? '@modelcontextprotocol/sdk' : '@modelcontextprotocol/client';
const load = (name) => import(library + name);
const { Client } = await load(line === 'v1' ? '/client/index.js' : '');
const { StdioClientTransport } = await load(line === 'v1' ? '/client/stdio.js' : '/stdio');
const asked = line === 'v1' ? (await load('/types.js')).ElicitRequestSchema : 'elicitation/create';
const AT_ONCE = 20, TO_READ = 700;

let wrong = 0;
const check = (good, what) => { if (!good) { wrong += 1; console.log(`FAIL ${line} ${mode}: ${what}`); } };
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const negotiation = line === 'v1' ? {} : { versionNegotiation: { mode } };
const client = new Client({ name: `gate-${line}`, version: '1' }, { capabilities: { elicitation: { form: {} } }, ...negotiation });
let late = 0, told = 0, forms = 0, person = async () => ({ action: 'decline' });
client.onerror = (error) => { late += /unknown token/.test(error.message); check(false, error.message.slice(0, 300)); };
client.setRequestHandler(asked, (request) => { forms += 1; return person(request.params.message); });
await client.connect(new StdioClientTransport({ command: command[0], args: command.slice(1), env: process.env }));

const call = async (name, given) => {
  const options = { timeout: 120_000, onprogress: () => { told += 1; } }, request = { name, arguments: given };
  return line === 'v1' ? client.callTool(request, undefined, options) : client.callTool(request, options);
};
const done = async (name, given) => {
  const result = await call(name, given);
  check(!result.isError, `${name}: ${JSON.stringify(result.content).slice(0, 300)}`);
  return result.structuredContent ?? {};
};

const tools = (await client.listTools()).tools;
check(tools.length >= 14, `${tools.length} tools`);
const { collections } = await done('list_collections', { limit: 20 });
const hash = (number) => collections[number % collections.length].collection_hash;
const kinds = [
  (number) => done('download_collection_html', { collection_hash: hash(number), wait_seconds: 45 }),
  (number) => done('report_stats', { collections: [hash(number), hash(number + 1)], wait_seconds: 45 }),
  (number) => done('download_collection_html', { collection_hash: hash(number), wait_seconds: 45 }),
  (number) => done('create_collection', { file_path: document, title: `Issue ${number}`, again: true, wait_seconds: 45 }),
];
for (let begun = 0; begun < +calls; begun += AT_ONCE) {
  const round = Array.from({ length: Math.min(AT_ONCE, calls - begun) }, (_, number) => begun + number);
  await Promise.all(round.map((number) => kinds[number % kinds.length](number)));
  await pause(300); // whatever comes after a result has come
}
check(told >= calls / 2, `only ${told} notifications in ${calls} calls`);

const target = (await done('list_collections', { limit: 1, query: 'Press kit' })).collections[0];
const types = (content, after) => async () => { await pause(after); return { action: 'accept', content }; };
const refused = async (what, expected) => {
  const { isError, content } = await call('delete_collection', { collection_hash: target.collection_hash });
  check(isError && content[0].text.includes(expected) && content[0].text.includes('Nothing was changed.'), `${what}: ${content[0].text}`);
};
// Whether an answer came too fast for a person is judged on virtual time, in the tests: here a busy machine decides.
person = types({ title: 'something else' }, TO_READ);
await refused('another title', 'something else typed');
person = types({ title: target.title }, TO_READ);
const deleted = await done('delete_collection', { collection_hash: target.collection_hash });
check(deleted.deleted === true, 'the title, read and typed, deletes');
check(forms === 2, `${forms} forms instead of 2`);

client.onerror = undefined;
await client.close();
console.log(`${line} ${mode}: ${tools.length} tools, ${calls} calls, ${told} notifications, ${late} of them late, ${forms} forms`);
process.exit(wrong ? 1 : 0);
