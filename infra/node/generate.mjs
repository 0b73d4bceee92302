// generate.mjs TOOLS OPENAPI INTO: the TypeScript types and the Postman collection of the OpenAPI document.
// TOOLS is the folder that holds node_modules.

import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [tools, openapi, into] = process.argv.slice(2);
const require = createRequire(join(resolve(tools), "package.json"));
const load = async (name) => {
  const { default: loaded } = await import(pathToFileURL(require.resolve(name)));
  return loaded.default ? loaded : { ...loaded, default: loaded };
};
const document = JSON.parse(await readFile(openapi, "utf8"));

const { default: openapiTS, astToString } = await load("openapi-typescript");
const types = astToString(await openapiTS(document, { alphabetize: true }));
await writeFile(join(into, "schema.ts"), `// Made from the OpenAPI document by \`cargo local clients\`: change it there.\n\n${types}`);

// Where the document has no example the converter makes one up: the same one each time.
let seed = 1;
Math.random = () => {
  seed = (seed * 16807) % 2147483647;
  return seed / 2147483647;
};

// Dates are made up from the present one: always the same, too.
const Now = Date;
const now = Now.UTC(2026, 0, 31, 12);
globalThis.Date = class extends Now {
  constructor(...given) {
    super(...(given.length > 0 ? given : [now]));
  }
  static now() {
    return now;
  }
};

const { default: converter } = await load("openapi-to-postmanv2");
const options = {
  folderStrategy: "Tags",
  requestNameSource: "Fallback",
  parametersResolution: "Example",
  includeAuthInfoInExample: false,
  keepImplicitHeaders: true,
  enableOptionalParameters: false,
  indentCharacter: "Space",
};
const collection = await new Promise((done, fail) => {
  converter.convertV2({ type: "json", data: document }, options, (error, answer) => {
    if (error || !answer.result) fail(error ?? new Error(answer.reason));
    else done(answer.output[0].data);
  });
});

// Ids are made up anew each time, and answers are in the documentation: neither belongs into a file that is compared.
const steady = (value) => {
  if (Array.isArray(value)) return value.map(steady);
  if (value === null || typeof value !== "object") return value;
  const kept = Object.entries(value).filter(([name]) => !["id", "_postman_id", "response"].includes(name) || isRequestData(value));
  return Object.fromEntries(kept.map(([name, inner]) => [name, steady(inner)]));
};
// A path's `:id` is named by a variable with a key, not by an id of Postman's.
const isRequestData = (value) => "key" in value && !("request" in value);
const plain = steady(collection);

// Whoever logs in or registers goes on with that token.
const remember = {
  listen: "test",
  script: {
    type: "text/javascript",
    exec: [
      "if (pm.response.code < 300) {",
      "  const { access_token, refresh_token } = pm.response.json();",
      "  pm.collectionVariables.set('bearerToken', access_token);",
      "  pm.collectionVariables.set('refreshToken', refresh_token);",
      "}",
    ],
  },
};
const visit = (item) => {
  item.item?.forEach(visit);
  const path = item.request?.url?.path?.join("/");
  if (["auth/login", "auth/register", "auth/refresh"].includes(path)) item.event = [remember];
};
visit(plain);
plain.info.name = "Tallybook";
plain.variable = [
  { key: "baseUrl", value: "https://api.example.com/v1", type: "string" },
  { key: "bearerToken", value: "", type: "string" },
  { key: "refreshToken", value: "", type: "string" },
];
await writeFile(join(into, "postman.json"), `${JSON.stringify(plain, null, 2)}\n`);
