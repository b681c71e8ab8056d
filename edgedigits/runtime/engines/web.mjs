// Answers messages in a browser with ONNX Runtime Web: takes one, sends the answer when it asks for the next.

import * as ort from "./ort.wasm.bundle.min.mjs"
import { answers } from "./answers.mjs"

ort.env.wasm.numThreads = 1
const answer = answers(ort, { executionProviders: ["wasm"] })
let body = new Uint8Array() // the first is no answer: it says that the page is ready
for (;;) {
  const request = await fetch("messages", { method: "POST", body })
  body = await answer(await request.arrayBuffer())
}
