// The counter and the notes as Durable Objects, one object a key. The runtime holds an answer back until the write before it is on disk.

export class Counter {
  constructor(context) {
    this.storage = context.storage
    context.blockConcurrencyWhile(async () => {
      this.value = (await this.storage.get('value')) ?? 0
    })
  }

  async fetch(request) {
    if (request.method === 'POST') {
      const { amount } = await request.json()
      this.value += amount
      this.storage.put('value', this.value)
    }
    return json({ value: this.value })
  }
}

export class Note {
  constructor(context) {
    this.storage = context.storage
    context.blockConcurrencyWhile(async () => {
      this.note = (await this.storage.get('note')) ?? { value: 0, text: '' }
    })
  }

  async fetch(request) {
    if (request.method !== 'POST') return json(this.note)
    const { text } = await request.json()
    this.note = { value: this.note.value + 1, text }
    this.storage.put('note', this.note)
    return json({ value: this.note.value })
  }
}

export default {
  async fetch(request, environment) {
    const [, work, key] = new URL(request.url).pathname.split('/')
    const objects = work === 'notes' ? environment.NOTES : environment.COUNTERS
    return objects.get(objects.idFromName(key)).fetch(request)
  },
}

function json(value) {
  return new Response(JSON.stringify(value), { headers: { 'content-type': 'application/json' } })
}
