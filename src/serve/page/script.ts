/**
 * The page's script: fetches the rendered state when something happened, at most once in two seconds, and every fifteen seconds otherwise. It
 * swaps in what the server rendered and escaped; it puts no HTML together itself. Without it the page is whole and reloads itself.
 */
export const pageScript = `
"use strict";
const state = document.getElementById("state");
const fresh = document.getElementById("fresh");
let last = 0, waiting = 0, loading = false;

async function load() {
  waiting = 0;
  if (loading) return soon(1000);
  loading = true;
  try {
    const answer = await fetch("/state", { headers: { accept: "text/html" } });
    if (!answer.ok) throw new Error(String(answer.status));
    const text = await answer.text();
    if (text !== state.dataset.text) {
      const scrolled = [...state.querySelectorAll(".scroll")].map((box) => box.scrollLeft);
      state.innerHTML = text;
      state.dataset.text = text;
      state.querySelectorAll(".scroll").forEach((box, index) => { box.scrollLeft = scrolled[index] || 0; });
    }
    fresh.textContent = "live";
    fresh.className = "state good";
  } catch {
    fresh.textContent = "no answer";
    fresh.className = "state bad";
  } finally {
    loading = false;
    last = Date.now();
  }
}

function soon(ms) {
  if (waiting === 0) waiting = setTimeout(load, Math.max(0, ms));
}

new EventSource("/api/v1/events").onmessage = () => soon(Math.max(200, last + 2000 - Date.now()));
setInterval(() => soon(0), 15000);
soon(0);
`;
