// The host's page: the official AppBridge, a frame that may only run scripts, and the policy that the resource declares.
import { AppBridge, PostMessageTransport } from "@modelcontextprotocol/ext-apps/app-bridge";
import { HOSTILE, MEDDLING, placed } from "./hostile.mjs";

const heard = { links: [], calls: [], sizes: [], modes: [], raw: [] };
let frame, bridge;

function policyOf(csp) {
  const sources = (csp?.resourceDomains ?? []).join(" ");
  return `default-src 'none'; script-src 'unsafe-inline' ${sources}; style-src 'unsafe-inline' ${sources}; img-src data: ${sources}`;
}

// `given`: html, csp, context, refuse (what the host does not do), early (what comes before the answer to the greeting).
async function mount(given) {
  frame?.remove();
  await bridge?.close();
  for (const list of Object.values(heard)) list.length = 0;
  frame = document.createElement("iframe");
  frame.setAttribute("sandbox", "allow-scripts");
  frame.title = "view";
  document.body.append(frame);
  const can = { openLinks: {}, ...(given.refuse !== "tools" && { serverTools: {} }), sandbox: { csp: given.csp ?? {} } };
  bridge = new AppBridge(null, { name: "host", version: "1" }, can, { hostContext: given.context ?? {} });
  bridge.onopenlink = async ({ url }) => { heard.links.push(url); return given.refuse === "links" ? { isError: true } : {}; };
  bridge.oncalltool = async (asked) => { heard.calls.push(asked); return window.callTool(asked); };
  bridge.onrequestdisplaymode = async ({ mode }) => { heard.modes.push(mode); return { mode }; };
  bridge.onsizechange = ({ height }) => { heard.sizes.push(height); if (height) frame.style.height = `${height}px`; };
  const ready = new Promise((done) => { bridge.oninitialized = done; });
  const line = new PostMessageTransport(frame.contentWindow, frame.contentWindow), answer = line.send.bind(line);
  line.send = async (message, ...more) => {
    if (given.early && message.result?.protocolVersion) ["input", "result"].forEach((one) => tell(`ui/notifications/tool-${one}`, given.early[one]));
    return answer(message, ...more);
  };
  await bridge.connect(line);
  const policy = `<meta http-equiv="Content-Security-Policy" content="${policyOf(given.csp)}">`;
  frame.srcdoc = given.html.replace(/<!doctype html>/i, (found) => found + policy);
  await ready;
}

addEventListener("message", ({ data }) => { if (data?.id === "asked by the host") heard.raw.push(data); });
const deliver = async (input, result) => { if (input) await bridge.sendToolInput({ arguments: input }); await bridge.sendToolResult(result); };
const tell = (method, params) => frame.contentWindow.postMessage({ jsonrpc: "2.0", method, params }, "*");
const send = (params) => tell("ui/notifications/tool-result", params);
// Every result with one hostile value in its places; made here, since not all of them survive another way into the page.
function hostile(number, results) {
  const all = results.flatMap((one) => [...placed(HOSTILE[number], one)]);
  all.forEach(send);
  return all.length;
}
window.host = {
  mount, deliver, heard, hostile,
  meddle: (number) => send({ structuredContent: MEDDLING[number], content: MEDDLING[number], _meta: MEDDLING[number] }),
  raw: (message) => frame.contentWindow.postMessage(message, "*"),
  dress: (context) => bridge.setHostContext(context),
  teardown: () => bridge.teardownResource({}),
  cancel: (reason) => bridge.sendToolCancelled({ reason }),
};
