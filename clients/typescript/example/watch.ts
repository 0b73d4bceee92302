// Logs in and prints what happens: `node dist/example/watch.js` with API_URL, WS_URL, EMAIL and PASSWORD.

import { Live, Tallybook, unwrap } from "../src/index.js";

const { API_URL = "", WS_URL = "", EMAIL = "", PASSWORD = "" } = process.env;
const client = new Tallybook({ baseUrl: API_URL });
await client.login(EMAIL, PASSWORD);

const { data: budgets } = unwrap(await client.api.GET("/budgets"));
for (const { category, spent, amount, currency } of budgets) {
  console.log(`${category}: ${spent} of ${amount} ${currency}`);
}

const live = new Live({
  url: WS_URL,
  ticket: () => client.ticket(),
  onState: (connected) => console.log(connected ? "connected" : "connection lost: it comes back"),
  onFrame: (frame) => console.log(frame.seq, frame.type, JSON.stringify(frame.data)),
  onResync: () => console.log("away for too long: fetch everything anew"),
});
process.once("SIGINT", () => live.stop());
