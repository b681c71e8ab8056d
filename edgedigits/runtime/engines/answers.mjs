// The other side of edgedigits/runtime/safety/messages.py: `answers(ort, options)` gives a function from a message's
// bytes to its answer's, for one model in ONNX Runtime. Node and the browser run this same file.

const TYPES = { uint8: Uint8Array, int32: Int32Array, float32: Float32Array, float64: Float64Array }

export function answers(ort, options) {
  let session, input, outputs

  async function run(image) {
    const found = await session.run({ [input]: image }, outputs)
    return outputs.map((name) => found[name])
  }

  const actions = {
    async load(message, [model]) {
      ;({ input, outputs } = message)
      session = await ort.InferenceSession.create(model.data, options)
      return []
    },

    call: (_, [image]) => run(image),

    async each(_, [images]) {
      const [count, ...shape] = images.dims
      const size = images.data.length / count
      const found = []
      for (let at = 0; at < count; at++) {
        found.push(await run(new ort.Tensor(images.type, images.data.subarray(at * size, (at + 1) * size), [1, ...shape])))
      }
      return outputs.map((_, output) => joined(found.map((answer) => answer[output])))
    },

    async clock({ calls }, images) {
      const spent = new Float64Array(calls)
      for (let call = 0; call < calls; call++) {
        const start = performance.now()
        for (const image of images) await run(image)
        spent[call] = (performance.now() - start) / 1000
      }
      return [new ort.Tensor("float64", spent, [calls])]
    },
  }

  function joined(tensors) {
    const { type, dims } = tensors[0]
    const size = tensors[0].data.length
    const data = new TYPES[type](tensors.length * size)
    tensors.forEach((tensor, index) => data.set(tensor.data, index * size))
    return new ort.Tensor(type, data, [tensors.length, ...dims.slice(1)])
  }

  return async (body) => {
    const [message, tensors] = decoded(ort, body)
    try {
      return encoded({}, await actions[message.do](message, tensors))
    } catch (error) {
      return encoded({ error: String(error?.message ?? error) }, [])
    }
  }
}

function decoded(ort, body) {
  const bytes = new Uint8Array(body) // a copy, aligned
  let at = 4 + new DataView(bytes.buffer).getUint32(0, true)
  const message = JSON.parse(new TextDecoder().decode(bytes.subarray(4, at)))
  const tensors = message.arrays.map(([type, shape]) => {
    const size = shape.reduce((product, axis) => product * axis, 1) * TYPES[type].BYTES_PER_ELEMENT
    return new ort.Tensor(type, new TYPES[type](bytes.slice(at, (at += size)).buffer), shape)
  })
  return [message, tensors]
}

function encoded(message, tensors) {
  const arrays = tensors.map(({ type, dims }) => [type, dims])
  const header = new TextEncoder().encode(JSON.stringify({ ...message, arrays }))
  const parts = tensors.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  const body = new Uint8Array(4 + header.length + parts.reduce((sum, part) => sum + part.length, 0))
  new DataView(body.buffer).setUint32(0, header.length, true)
  let at = 4
  for (const part of [header, ...parts]) {
    body.set(part, at)
    at += part.length
  }
  return body
}
