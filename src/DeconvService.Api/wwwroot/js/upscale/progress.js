// Reads GET /v1/progress/{id}: server-sent events of a request that is running.

/** A name for a request that nobody else has. */
export const requestId = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), byte => byte.toString(16).padStart(2, '0')).join('');

/** Follows a request: report({done, total, secondsLeft}) until its end or an abort. Without the stream nothing is reported, and that is no fault. */
export async function follow(id, report, signal) {
  try {
    for (let attempt = 0; attempt < 20 && !signal.aborted; attempt++) {
      await new Promise(resolve => setTimeout(resolve, 250)); // the upload comes first
      const response = await fetch(`v1/progress/${id}`, { headers: { Accept: 'text/event-stream' }, signal });
      if (response.status === 404) continue;
      if (response.ok) await readEvents(response.body.getReader(), report);
      return;
    }
  } catch { /* the run itself tells what went wrong */ }
}

async function readEvents(reader, report) {
  const decoder = new TextDecoder();
  for (let text = ''; ;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (text + decoder.decode(value, { stream: true })).split(/\r?\n\r?\n/);
    text = events.pop();
    for (const event of events) {
      const data = event.split(/\r?\n/).filter(line => line.startsWith('data:')).map(line => line.slice(5)).join('\n');
      if (data) report(JSON.parse(data));
    }
  }
}
