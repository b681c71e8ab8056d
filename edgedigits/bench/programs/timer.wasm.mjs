// Median microseconds of one picture through the library: `node timer.mjs`, in the folder of target `wasm`.
import { readFileSync } from "node:fs";
import { load } from "./digits.js";

const WARM_UP = 2000;
const CALLS = 2000;

const [{ rows }] = JSON.parse(readFileSync("golden.json", "utf8"));
const picture = Uint8Array.from(rows.flat());
const network = await load();
for (let call = 0; call < WARM_UP; call++) network.read(picture);
const times = [];
for (let call = 0; call < CALLS; call++) {
  const begin = process.hrtime.bigint();
  network.read(picture);
  times.push(Number(process.hrtime.bigint() - begin));
}
console.log(times.sort((one, other) => one - other)[CALLS / 2] / 1000);
