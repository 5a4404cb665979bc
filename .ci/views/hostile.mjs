// What may stand anywhere in an answer: each has to be text, or nothing.
const letters = "a".repeat(5000);
const nested = Array.from({ length: 200 }).reduce((inside) => ({ inside }), "deep");

export const HOSTILE = [
  "<b>bold</b>", "<script>window.pwned = 1</script>", "<img src=x onerror=\"window.pwned = 1\">", "<svg onload=\"window.pwned = 1\">",
  "<iframe src=\"https://evil.example\"></iframe>", "\"><script>window.pwned = 1</script>", "' onmouseover='window.pwned = 1", "\" autofocus onfocus=\"window.pwned = 1",
  "</title><script>window.pwned = 1</script>", "</script><script>window.pwned = 1</script>", "</style><script>window.pwned = 1</script>", "<!--", "-->", "]]>", "<![CDATA[x]]>",
  "<base href=\"https://evil.example/\">", "<meta http-equiv=refresh content=\"0;url=https://evil.example\">", "<link rel=stylesheet href=https://evil.example/x.css>",
  "<style>*{display:none}</style>", "<form action=https://evil.example><input name=a></form>", "{{7*7}} ${7*7} <%= 7*7 %>",
  "javascript:window.pwned=1", " javascript:window.pwned=1", "JaVaScRiPt:window.pwned=1", "java\nscript:window.pwned=1", "data:text/html,<script>window.pwned=1</script>",
  "data:text/html;base64,PHNjcmlwdD53aW5kb3cucHduZWQ9MTwvc2NyaXB0Pg==", "data:image/svg+xml,<svg onload='window.pwned=1'/>", "data:image/png;base64,\" onerror=\"window.pwned=1",
  "data:image/png;base64,bm90IGEgcGljdHVyZQ==", "vbscript:x", "file:///etc/passwd", "blob:https://evil.example/1", "//evil.example/x", "http://www.flipsnack.com/x",
  "https://evil.example/x.png", "https://www.flipsnack.com.evil.example/", "https://evilflipsnack.com/", "https://flipsnack.com@evil.example/", "https://user:word@www.flipsnack.com/",
  "https://www.flipsnack.com:8443/", "https://www.flipsnack.com\\@evil.example/", "https://flipsnack.com./", "https://www.flipsnack.com/\"onclick=\"window.pwned=1", "https://ﬂipsnack.com/",
  "half \ud83d a character \udc00", "\ud83d", "right \u202e to left \u2066 unclosed", "\u200b\u200d\ufeff", "zero\u0000byte\u0007bell\u001b[31m", "\u{e0041}\u{e0042} tags",
  "Z\u0351\u036b\u0343".repeat(50), "العربية 2026 (PDF)", "مرحبا <b>", "日本語".repeat(200), letters, "line\nbreak\r\nand\u2028more", "__proto__", "constructor", "toString", "",
  "%s%d%o", "NaN", "-1e999", 0, -1, 1e308, NaN, Infinity, 12345678901234567890, true, false, null, [], {}, [[[[]]]], ["<b>x</b>"], { toString: "x" }, nested,
  [null, 1, "x", [], {}], Array.from({ length: 300 }, () => ({ title: "<b>" })),
];

// Every place of an answer in turn holds the value; arrays and records as a whole too.
export function* placed(value, whole) {
  yield everywhere(value, whole, (one) => typeof one === "string");
  yield everywhere(value, whole, (one) => typeof one === "number");
  yield everywhere(value, whole, (one) => typeof one === "object" && one !== null && one !== whole);
}

function everywhere(value, given, meant) {
  if (meant(given)) return value;
  if (Array.isArray(given)) return given.map((one) => everywhere(value, one, meant));
  if (given === null || typeof given !== "object") return given;
  return Object.fromEntries(Object.entries(given).map(([name, one]) => [name, KEPT.has(name) ? one : everywhere(value, one, meant)]));
}
const KEPT = new Set(["state", "type"]);

// Names that are no fields, as a program may parse them out of JSON.
export const MEDDLING = ['{"__proto__":{"state":"running","report_id":"x"}}', '{"collections":[{"__proto__":{"title":"x"},"collection_hash":"__proto__","title":"constructor"}]}',
  '{"report_id":"__proto__","state":"constructor","totals":{"__proto__":1,"constructor":2,"views":3},"change":{"toString":1}}', '{"counts":{"hasOwnProperty":3},"state":"__proto__","plan_id":"toString","items":[{"state":"valueOf"}]}',
  '"text"', "null", "17", "[]", "[[]]", "true", "{}"].map((one) => JSON.parse(one));
