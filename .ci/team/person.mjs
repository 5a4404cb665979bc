// One session of an official TypeScript client with a team's server over HTTPS: looks, changes, and a deletion.
//
//   TOKEN=... NODE_EXTRA_CA_CERTS=... node person.mjs v1|v2 legacy|auto URL ACCOUNT FORMS
//
// FORMS is how many forms are shown. On 2026-07-28 it is one, whichever replica asks and whichever is answered; before it
// one where a session stays with its replica, else none: the refusal brings a code.
import { connected, pause } from './client.mjs';

const [line, mode, url, account, forms] = process.argv.slice(2);
const TO_READ = 700, CALLS = 20;
const person = async (message) => {
  await pause(TO_READ);
  return { action: 'accept', content: { title: /type "([^"]*)"\.$/.exec(message)[1] } };
};
const headers = { Authorization: `Bearer ${process.env.TOKEN}` };
const { tools, seen, check, call, done, end } = await connected({ line, mode, target: [url], headers, always: { account }, person });

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
check(seen.forms === +forms, `${seen.forms} forms instead of ${forms}`);
check(!code === seen.forms > 0, code ? 'a code beside a form' : 'neither a form nor a code');

await end(`${tools.length} tools, ${CALLS} looks, ${seen.told} notifications, ${seen.forms} forms${code ? ', a code' : ''}`);
