// One session of an official TypeScript client: calls that tell how far they are, then forms that are answered.
//
//   node session.mjs v1|v2 legacy|auto CALLS PDF -- URL | COMMAND [ARG...]
//
// The server is on the sandbox; that of a COMMAND has this environment. Exits with 1 where a call failed, where a
// notification came when its request was forgotten already, or where a form did not end as it should.
import { connected, pause } from './client.mjs';

const [line, mode, calls, document, , ...target] = process.argv.slice(2);
const AT_ONCE = 40, TO_READ = 700, OVER = /^https?:/.test(target[0]) ? 'HTTP' : 'stdio';

const { tools, seen, check, call, done, end } = await connected({ line, mode, target, person: async () => ({ action: 'decline' }) });
const { collections } = await done('list_collections', { limit: 26 });
const hash = (number) => collections[number % collections.length].collection_hash;
const watched = [
  // Each package is built once; the calls that wait for that are told of it.
  (number) => done('download_collection_html', { collection_hash: hash(number / 2), wait_seconds: 45 }),
  (number) => done('report_stats', { collections: [hash(number), hash(number + 1)], wait_seconds: 45 }),
];
const created = (title) => done('create_collection', { file_path: document, title, again: true, wait_seconds: 45 });
// Two documents are sent at once, so many of them would be a wait and nothing else.
const one = (number) => (number % 10 === 9 ? created(`Issue ${number}`) : watched[number % watched.length](number));
const waiting = Array.from({ length: +calls }, (_, number) => number);
await Promise.all(Array.from({ length: AT_ONCE }, async () => {
  for (let number = waiting.shift(); number !== undefined; number = waiting.shift()) await one(number);
}));
check(seen.told >= calls / 10, `only ${seen.told} notifications in ${calls} calls`);

// Its own: others may be deleting in the same account.
const title = `Press kit of ${line} ${mode}`;
const collection_hash = (await created(title)).collection_hash;
const types = (typed) => async () => { await pause(TO_READ); return { action: 'accept', content: { title: typed } }; };
// Whether an answer came too fast for a person is judged on virtual time, in the tests: here a busy machine decides.
seen.person = types('something else');
const { isError, content } = await call('delete_collection', { collection_hash });
const refused = isError && /something else typed/.test(content[0].text) && /Nothing was changed\./.test(content[0].text);
check(refused, `another title: ${content[0].text}`);
seen.person = types(title);
const deleted = await done('delete_collection', { collection_hash });
check(deleted.deleted === true, 'the title, read and typed, deletes');
check(seen.forms === 2, `${seen.forms} forms instead of 2`);

await end(`over ${OVER} ${tools.length} tools, ${calls} calls, ${seen.told} notifications, ${seen.late} of them late, ${seen.forms} forms`);
