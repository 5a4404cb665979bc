// An official TypeScript client that is connected, and counts what it sees: forms, notifications, and what is wrong.
//
// `line` is v1 (@modelcontextprotocol/sdk) or v2 (@modelcontextprotocol/client), both from node_modules beside this file;
// `target` an address, or a command and its arguments; `person` answers a form's message; `always` goes with every call.
const ELICITATION = { elicitation: { form: {} } }, AT_MOST = 120_000;

export const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const transportTo = async (load, old, target, headers) => {
  if (/^https?:/.test(target[0])) {
    const { StreamableHTTPClientTransport } = await load(old ? '/client/streamableHttp.js' : '');
    return new StreamableHTTPClientTransport(new URL(target[0]), { requestInit: { headers } });
  }
  const { StdioClientTransport } = await load(old ? '/client/stdio.js' : '/stdio');
  return new StdioClientTransport({ command: target[0], args: target.slice(1), env: process.env });
};

export const connected = async ({ line, mode, target, headers = {}, always = {}, person }) => {
  const old = line === 'v1', load = (name) => import((old ? '@modelcontextprotocol/sdk' : '@modelcontextprotocol/client') + name);
  const { Client } = await load(old ? '/client/index.js' : '');
  const asked = old ? (await load('/types.js')).ElicitRequestSchema : 'elicitation/create';
  const client = new Client({ name: `gate-${line}`, version: '1' }, { capabilities: ELICITATION, ...(old ? {} : { versionNegotiation: { mode } }) });
  const seen = { wrong: 0, late: 0, told: 0, forms: 0, person };

  const check = (good, what) => { if (!good) { seen.wrong += 1; console.log(`FAIL ${line} ${mode}: ${what}`); } };
  client.onerror = (error) => { seen.late += /unknown token/.test(error.message); check(false, error.message.slice(0, 300)); };
  client.setRequestHandler(asked, ({ params }) => { seen.forms += 1; return seen.person(params.message); });
  await client.connect(await transportTo(load, old, target, headers));

  const options = () => ({ timeout: AT_MOST, onprogress: () => { seen.told += 1; } });
  const call = (name, given) => client.callTool({ name, arguments: { ...always, ...given } }, ...(old ? [undefined] : []), options());
  const done = async (name, given) => {
    const result = await call(name, given);
    check(!result.isError, `${name}: ${JSON.stringify(result.content).slice(0, 300)}`);
    return result.structuredContent ?? {};
  };
  const end = async (said) => {
    await pause(300); // whatever comes after a result has come
    client.onerror = undefined;
    await client.close();
    console.log(`${line} ${mode}: ${said}`);
    process.exit(seen.wrong ? 1 : 0);
  };
  const tools = (await client.listTools()).tools;
  check(tools.length >= 14, `${tools.length} tools`);
  return { tools, seen, check, call, done, end };
};
