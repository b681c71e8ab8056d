// Every golden picture must get its golden scores, each of them exactly: they are integers.
import { readFile } from "node:fs/promises";
import { load } from "./digits.js";

const golden = JSON.parse(await readFile(new URL("golden.json", import.meta.url), "utf8"));
const network = await load();
const failed = golden.filter(({ rows, scores }) => String(network.scores(Uint8Array.from(rows.flat()))) !== String(scores));
for (const { name } of failed) console.log(`FAILED: ${name}: its scores are others`);
if (!failed.length) console.log(`passed: ${golden.length} golden pictures, every score`);
process.exitCode = failed.length ? 1 : 0;
