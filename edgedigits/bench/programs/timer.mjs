// Median microseconds of one picture through the library: `node timer.mjs`, in the folder of target `node`.
import { answer, read } from "./digits.mjs";

const WARM_UP = 2000;
const CALLS = 2000;

const picture = await read("example.pgm");
for (let call = 0; call < WARM_UP; call++) await answer(picture);
const times = [];
for (let call = 0; call < CALLS; call++) {
  const begin = process.hrtime.bigint();
  await answer(picture);
  times.push(Number(process.hrtime.bigint() - begin));
}
console.log(times.sort((one, other) => one - other)[CALLS / 2] / 1000);
