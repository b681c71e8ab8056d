// Answers messages on stdin with ONNX Runtime for Node.js; each, and its answer, behind its length in 4 bytes.
// Argument: the folder node_modules.

import { createRequire } from "node:module"
import { answers } from "./answers.mjs"

const ort = createRequire(`${process.argv[2]}/`)("onnxruntime-node")
const answer = answers(ort, { executionProviders: ["cpu"], intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 })

let held = Buffer.alloc(0)
let last = Promise.resolve()

function write(body) {
  const length = Buffer.alloc(4)
  length.writeUInt32LE(body.length)
  process.stdout.write(length)
  process.stdout.write(body)
}

process.stdin.on("data", (chunk) => {
  held = Buffer.concat([held, chunk])
  while (held.length >= 4 && held.length >= 4 + held.readUInt32LE()) {
    const end = 4 + held.readUInt32LE()
    const body = held.subarray(4, end)
    held = held.subarray(end)
    last = last.then(() => answer(body)).then(write)
  }
})
process.stdin.on("end", () => process.kill(process.pid, "SIGKILL")) // whoever asked is gone; a model may still run
