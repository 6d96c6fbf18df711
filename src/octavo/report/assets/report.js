"use strict";
(() => {
  const run = JSON.parse(document.getElementById("run").textContent);
  const $ = (id) => document.getElementById(id);
  const GLYPHS = {
    float32: "M5.5 .8A4.7 4.7 0 1 1 5.49 .8ZM5.5 3A2.5 2.5 0 1 0 5.51 3Z", float16: "M.8 .8H10.2V10.2H.8ZM3 3V8H8V3Z",
    dynamic: "M5.5 .5L10.7 10H.3Z", weight_only: "M5.5 0L11 5.5L5.5 11L0 5.5Z", int8: "M5.5 .8A4.7 4.7 0 1 1 5.49 .8Z",
    int16x8: "M.8 .8H10.2V10.2H.8Z", exact: "M.5 4.3H10.5V6.7H.5Z", other: "M4.2 .5H6.8V4.2H10.5V6.8H6.8V10.5H4.2V6.8H.5V4.2H4.2Z",
  };
  const WORDS = { float32: "float32", float16: "float16 weights", dynamic: "dynamic int8", weight_only: "int8 weights", int8: "int8", int16x8: "int16 × int8", exact: "exact (not quantized)", other: "other" };
  const kind = (p) => (p in GLYPHS ? p : "other");
  const escape = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
  const glyph = (p) => `<svg class="glyph" viewBox="0 0 11 11" aria-hidden="true"><path fill-rule="evenodd" d="${GLYPHS[kind(p)]}" fill="var(--${kind(p)})"/></svg>`;
  const bytes = (n) => { for (const u of ["bytes", "kB", "MB"]) { if (n < 1000) return u === "bytes" ? `${n} ${u}` : `${+n.toPrecision(3)} ${u}`; n /= 1000; } return `${+n.toPrecision(3)} GB`; };
  const short = (x) => (x === 0 ? "0" : Math.abs(x) >= 1e5 || Math.abs(x) < 1e-3 ? x.toExponential(2) : String(+x.toPrecision(4)));
  const decibels = (e) => (!e ? "" : e.sqnr == null ? "equal" : `${e.sqnr.toFixed(1)} dB`);
  const svg = (w, h, label, inside) => `<svg viewBox="0 0 ${w} ${h}" role="img" aria-label="${escape(label)}">${inside}</svg>`;

  // ── figures at the top ──
  const pair = (a, b, show) => { const most = Math.max(a, b) || 1; return `<div class="pair"><span>float</span><span class="track"><span class="fill" style="display:block;width:${100 * a / most}%"></span></span><b>${show(a)}</b><span>quantized</span><span class="track"><span class="fill new" style="display:block;width:${100 * b / most}%"></span></span><b>${show(b)}</b></div>`; };
  const figure = (title, big, small, rest) => `<div class="figure"><h3>${title}</h3><p class="big">${big}</p><p class="small">${small}</p>${rest}</div>`;
  const figures = () => {
    const [before, after] = run.files, m = run.measured, out = [];
    out.push(figure("Size", bytes(after.size), `${Math.round(100 * after.size / before.size)} % of the float model`, pair(before.size, after.size, bytes)));
    if (m.timing) { const [a, b] = m.timing, ms = (x) => (x < 0.1 ? `${+(1000 * x).toPrecision(3)} µs` : `${+x.toPrecision(3)} ms`);
      out.push(figure("Latency, median", ms(b.median), run.disturbed ? "this machine was busy: times vary" : `${Math.round(100 * b.median / a.median)} % of the float model`, pair(a.median, b.median, ms))); }
    (m.scores || []).forEach((s) => { const share = s.unit === "share", show = (x) => (share ? `${(100 * x).toFixed(2)} %` : `${short(x)} ${s.unit === "share" ? "" : s.unit || ""}`.trim()), by = s.change.value;
      const told = `${by > 0 ? "+" : by < 0 ? "−" : "±"}${share ? `${Math.abs(100 * by).toFixed(2)} points` : short(Math.abs(by))}${by === 0 || s.p < 0.05 ? "" : ", may be chance"}`;
      out.push(figure(`${escape(s.metric[0].toUpperCase() + s.metric.slice(1).replace("_", " "))}, ${s.samples.toLocaleString("en")} samples`, show(s.after.value), told, intervals(s.before, s.after, show, (x) => (share ? `${(100 * x).toFixed(1)} %` : short(x))))); });
    if (m.outputs && m.outputs.length) { const worst = m.outputs.reduce((x, y) => ((y.sqnr ?? 999) < (x.sqnr ?? 999) ? y : x));
      out.push(figure("Nearness of outputs", worst.sqnr == null ? "equal" : `${worst.sqnr.toFixed(1)} dB`, "SQNR of the worst output", `<div class="pair" style="grid-template-columns:1fr auto"><span>same greatest entry</span><b>${(100 * worst.agreement).toFixed(1)} %</b><span>greatest difference</span><b>${(100 * worst.relative_error).toPrecision(2)} %</b></div>`)); }
    $("figures").innerHTML = out.join("");
  };
  const intervals = (a, b, show, end) => { const lows = Math.min(a.low, b.low), highs = Math.max(a.high, b.high), span = highs - lows || 1, at = (x) => 100 * (x - lows) / span;
    const line = (s, c) => `<span class="range ${c}" title="95 % interval ${show(s.low)} to ${show(s.high)}"><i style="left:${at(s.low)}%;width:${at(s.high) - at(s.low)}%"></i><i class="dot" style="left:${at(s.value)}%"></i></span>`;
    return `<div class="pair" title="lines are intervals that hold the true value with 95 % confidence"><span>float</span>${line(a, "")}<b>${show(a.value)}</b><span>quantized</span>${line(b, "new")}<b>${show(b.value)}</b><span>95 %</span><span class="ends"><span>${end(lows)}</span><span>${end(highs)}</span></span><span></span></div>`; };

  // ── layers ──
  const layers = run.layers, byNode = new Map();
  layers.forEach((layer) => byNode.set(`${layer.graph}\n${layer.node}`, layer));
  const measured = layers.filter((l) => l.error && l.error.sqnr != null);
  const floor = Math.min(0, ...measured.map((l) => l.error.sqnr)), ceiling = Math.max(40, ...measured.map((l) => l.error.sqnr));
  const state = { text: "", hidden: new Set(), sort: "order", open: new Set(), closed: new Set(), chart: "order", at: -1 };
  // Layers are grouped by the part of their path that tells blocks apart: what all share is left out, and a name such
  // as block_3_expand belongs to block_3.
  const called = (l) => { const [first, ...others] = (l.layer || l.node).split(";"); return others.length ? `${first} +${others.length}` : first; };
  const paths = layers.map((l) => called(l).split("/"));
  const common = (rows) => { let n = 0; while (rows.length > 1 && rows.every((r) => r.length > n + 1 && r[n] === rows[0][n])) n++; return n; };
  const root = common(paths), tops = {}; paths.forEach((p) => { tops[p[root]] = (tops[p[root]] || 0) + 1; });
  const deep = new Set(Object.keys(tops).filter((t) => tops[t] > layers.length / 2));
  const depth = {}; deep.forEach((top) => { depth[top] = common(paths.filter((p) => p[root] === top).map((p) => p.slice(root))); });
  const parent = (l) => {
    const p = paths[l.number], n = root + (p.length > root + 1 ? depth[p[root]] || 0 : 0), block = /^[A-Za-z]+_?\d+(?=_)/.exec(p[n] || "");
    return block ? [...p.slice(root, n), block[0]].join("/") : p.length > n + 1 ? p.slice(root, n + 1).join("/") : "";
  };
  const leaf = (l, key) => { let path = paths[l.number].slice(root).join("/"); if (key && path.startsWith(`${key}/`)) path = path.slice(key.length + 1); const i = path.lastIndexOf("/"); return `<span class="soft">${escape(path.slice(0, i + 1))}</span>${escape(path.slice(i + 1))}`; };
  const hay = layers.map((l) => [l.layer, l.node, l.op, l.precision, l.why, l.who, l.slow, l.off_target, l.output, ...(l.error?.causes || []).map((c) => `${c.kind} ${c.what}`)].join(" ").toLowerCase());
  const row = (l, key) => {
    const e = l.error, width = e ? (e.sqnr == null ? 100 : Math.max(3, 100 * (e.sqnr - floor) / (ceiling - floor))) : 0;
    return `<div class="layer" id="layer-${l.number}"><button type="button" class="row" aria-expanded="false" data-layer="${l.number}"><span class="gl" title="${WORDS[kind(l.precision)]}">${glyph(l.precision)}</span><span class="op">${escape(l.op)}</span><span class="path" title="${escape(l.layer || l.node)}">${leaf(l, key)}</span><span class="shape">${escape(l.output)}</span><span class="number weight">${l.size ? bytes(l.size) : ""}</span><span class="number sq">${e ? `<span class="spark"><i style="width:${width}%;background:var(--${kind(l.precision)})"></i></span>${decibels(e)}` : ""}</span></button></div>`;
  };
  const shown = () => { const words = state.text.toLowerCase().split(/\s+/).filter(Boolean); return layers.filter((l, i) => !state.hidden.has(kind(l.precision)) && words.every((w) => hay[i].includes(w))); };
  const ORDERS = {
    error: (a, b) => (a.error?.sqnr ?? 1e9) - (b.error?.sqnr ?? 1e9), size: (a, b) => b.size - a.size, name: (a, b) => a.layer.localeCompare(b.layer, "en", { numeric: true }),
  };
  // Rows enter the page a screenful at a time, as they come near, and those of a shut group when it is opened: a model of
  // thousands of layers is as quick as a small one.
  const CHUNK = 60;
  let waiting = [];
  const more = (count) => { $("rows").insertAdjacentHTML("beforeend", waiting.splice(0, count).map((part) => part.html()).join("")); $("more").hidden = !waiting.length; state.open.forEach((n) => open(n, false)); };
  const draw = () => {
    let list = shown(); const flat = state.sort !== "order" || state.text !== "";
    if (ORDERS[state.sort]) list = [...list].sort(ORDERS[state.sort]);
    $("found").textContent = list.length === layers.length ? "" : `${list.length} of ${layers.length} layers`;
    waiting = flat ? list.map((l) => single(l)) : grouped(list);
    $("rows").innerHTML = ""; more(CHUNK);
  };
  const single = (l) => ({ layers: [l], html: () => row(l, "") });
  const inside = {};
  const fill = (box) => { if (!box.firstChild) box.innerHTML = inside[box.previousElementSibling.dataset.group].map((l) => row(l, parent(l))).join(""); };
  const shut = (button, yes) => { const box = button.nextElementSibling; if (!yes) fill(box); button.setAttribute("aria-expanded", String(!yes)); box.hidden = yes; state.closed[yes ? "add" : "delete"](+button.dataset.group); };
  const grouped = (list) => {
    const runs = []; for (const l of list) { const key = parent(l), last = runs[runs.length - 1]; if (last && last.key === key) last.layers.push(l); else runs.push({ key, layers: [l] }); }
    if (runs.length === 1) return list.map(single);
    return runs.flatMap((g) => (g.key && g.layers.length > 1 ? [{ layers: g.layers, html: () => group(g) }] : g.layers.map(single)));
  };
  const group = (g) => {
    const first = g.layers[0].number, closed = state.closed.has(first), size = g.layers.reduce((s, l) => s + l.size, 0), errors = g.layers.map((l) => l.error?.sqnr).filter((x) => x != null);
    inside[first] = g.layers;
    return `<div class="group"><button type="button" aria-expanded="${!closed}" data-group="${first}"><b>${escape(g.key)}</b><span class="sum">${g.layers.length} operations${size ? ` · ${bytes(size)}` : ""}${errors.length ? ` · worst ${Math.min(...errors).toFixed(1)} dB` : ""}</span></button><div${closed ? " hidden" : ""}>${closed ? "" : g.layers.map((l) => row(l, g.key)).join("")}</div></div>`;
  };
  // Brings a layer's row into the page, if it is among those that are shown.
  const place = (number) => {
    const at = waiting.findIndex((part) => part.layers.some((l) => l.number === number)); if (at >= 0) more(at + CHUNK);
    for (const [first, members] of Object.entries(inside)) if (members.some((l) => l.number === number)) { const button = document.querySelector(`[data-group="${first}"]`); if (button) shut(button, false); }
  };
  const readers = {}; layers.forEach((l) => new Set(l.reads || []).forEach((n) => { (readers[n] ||= []).push(l.number); }));
  const links = (numbers) => [...new Set(numbers)].map((n) => `<a href="#layer-${n}" data-go="${n}">${escape(called(layers[n]))}</a>`).join("<br>");
  const fact = (name, value) => (value ? `<dt>${name}</dt><dd>${value}</dd>` : "");
  const detail = (l) => {
    const e = l.error, hist = (run.histograms || []).filter((h) => h.graph === l.graph && h.made_by === l.node), weights = (run.weights || []).filter((w) => w.graph === l.graph && (w.read_by === l.node || l.weights?.includes(w.tensor)));
    const who = { recipe: "the recipe", rule: "a rule of the recipe", kernel: "LiteRT's kernels", graph: "what surrounds it", calibration: "the data", measured: "what was measured", speed: "how fast the kernels are" }[l.who] || l.who;
    const causes = (e?.causes || []).map((c) => `<li>${escape(c.what)}<span class="cure">${escape(c.cure)}</span></li>`).join("");
    return `<div class="detail"><div><dl class="facts">${fact("Precision", `${WORDS[kind(l.precision)]}${l.asked !== l.precision && l.precision !== "exact" ? ` <span class="soft">(${escape(l.asked)} was asked for)</span>` : ""}`)}${fact("Decided by", `${who}: ${escape(l.why)}`)}${fact("Slow", escape(l.slow || ""))}${fact("Off target", escape(l.off_target || ""))}${fact("Reads", l.inputs.map((s) => `<code>${escape(s)}</code>`).join("<br>"))}${fact("Comes after", links(l.reads || []))}${fact("Goes into", links(readers[l.number] || []))}${fact("Makes", `<code>${escape(l.output)}</code>`)}${fact("Constants", l.float_size ? `${bytes(l.size)} <span class="soft">for ${bytes(l.float_size)} in float</span>` : "")}${fact("Computes", (l.origin || []).map((s) => `<code>${escape(s)}</code>`).join("<br>"))}${fact("Rewritten by", (l.rules || []).map((r) => `<a href="#rewrites">${escape(r)}</a>`).join(", "))}</dl></div><div><dl class="facts">${e ? fact("SQNR", `${decibels(e)} <span class="soft">with all errors before it</span>`) : ""}${e?.own != null ? fact("Own SQNR", `${e.own.toFixed(1)} dB <span class="soft">added by this operation alone</span>`) : ""}${e?.cosine != null ? fact("Cosine", e.cosine.toFixed(6)) : ""}${e?.max_error != null ? fact("Greatest error", short(e.max_error)) : ""}</dl>${causes ? `<ul class="cautions">${causes}</ul>` : ""}</div>${hist.map((h) => `<div>${histogram(h)}</div>`).join("")}${weights.map((w) => `<div>${channels(w)}</div>`).join("")}</div>`;
  };
  const open = (number, focus = true) => {
    if (focus) place(number);
    state.open.add(number); const own = $(`layer-${number}`); if (!own) return;
    own.classList.add("open"); own.firstChild.setAttribute("aria-expanded", "true");
    if (!own.querySelector(".detail")) own.insertAdjacentHTML("beforeend", detail(layers[number]));
    if (focus) { own.firstChild.focus({ preventScroll: true }); own.scrollIntoView({ block: "center" }); own.classList.remove("flash"); requestAnimationFrame(() => own.classList.add("flash")); }
  };
  const close = (number) => { state.open.delete(number); const own = $(`layer-${number}`); if (!own) return; own.classList.remove("open", "flash"); own.firstChild.setAttribute("aria-expanded", "false"); own.querySelector(".detail")?.remove(); };
  const reveal = (number) => { const l = layers[number]; if (state.hidden.has(kind(l.precision)) || !shown().includes(l)) { state.hidden.clear(); state.text = ""; $("search").value = ""; legend(); draw(); } open(number); };

  // ── small charts ──
  const ticks = (low, high, n) => { const raw = (high - low) / n, p = 10 ** Math.floor(Math.log10(raw)), step = [1, 2, 5, 10].map((m) => m * p).find((s) => s >= raw); const out = []; for (let t = Math.ceil(low / step) * step; t <= high + step / 1e6; t += step) out.push(Math.abs(t) < step / 1e6 ? 0 : t); return out; };
  const histogram = (h) => {
    const w = 420, low = Math.min(h.seen_low, h.low), high = Math.max(h.seen_high, h.high), span = high - low || 1, x = (v) => 4 + (w - 8) * (v - low) / span, n = (h.counts || []).length, most = Math.log1p(Math.max(1, ...(h.counts || [])));
    const total = (h.counts || []).reduce((a, b) => a + b, 0), step = (h.seen_high - h.seen_low) / (n || 1); let outside = 0;
    const bars = (h.counts || []).map((c, i) => { const a = h.seen_low + i * step, mid = a + step / 2, out = mid < h.low || mid > h.high; if (out) outside += c; const height = 78 * Math.log1p(c) / most; return c ? `<rect class="bar${out ? " out" : ""}" x="${x(a).toFixed(1)}" y="${(86 - height).toFixed(1)}" width="${Math.max(.8, (w - 8) * step / span - .8).toFixed(1)}" height="${height.toFixed(1)}"/>` : ""; }).join("");
    const marks = ticks(low, high, 5).map((t) => `<text x="${x(t)}" y="101" text-anchor="middle">${short(t)}</text>`).join("");
    const inside = `<rect class="chosen" x="${x(h.low)}" y="4" width="${Math.max(1, x(h.high) - x(h.low))}" height="82"/>${bars}<line class="limit" x1="${x(h.low)}" x2="${x(h.low)}" y1="2" y2="88"/><line class="limit" x1="${x(h.high)}" x2="${x(h.high)}" y1="2" y2="88"/><line class="axis" x1="4" x2="${w - 4}" y1="86" y2="86"/>${marks}`;
    const clip = outside ? `; ${(100 * outside / total).toPrecision(2)} % of the numbers lie outside and are clipped` : "";
    return `<h3>Activations <span class="soft">${h.made_by ? "made here" : escape(h.tensor)}</span></h3>${svg(w, 106, `Histogram of ${h.tensor}`, inside)}<p class="note">Chosen range ${short(h.low)} to ${short(h.high)}, seen ${short(h.seen_low)} to ${short(h.seen_high)}${clip}. Step ${short(h.scale)}, ${escape(h.dtype)}. ${n ? "Heights are logarithms of counts." : "No histogram was taken."}</p>`;
  };
  const channels = (c) => {
    const w = 420, n = c.lows.length, low = Math.min(0, ...c.lows), high = Math.max(0, ...c.highs), y = (v) => 6 + 80 * (high - v) / (high - low || 1), width = (w - 44) / n;
    const bars = c.lows.map((l, i) => `<rect class="wbar" x="${(40 + i * width).toFixed(2)}" y="${y(c.highs[i]).toFixed(1)}" width="${Math.max(.6, width - (width > 3 ? 1 : .2)).toFixed(2)}" height="${Math.max(.8, y(l) - y(c.highs[i])).toFixed(1)}"/>`).join("");
    const marks = ticks(low, high, 3).map((t) => `<line class="gridline" x1="40" x2="${w - 4}" y1="${y(t)}" y2="${y(t)}"/><text x="35" y="${y(t) + 4}" text-anchor="end">${short(t)}</text>`).join("");
    // A channel under a thousandth of the widest holds next to nothing: it would make the ratio mean nothing.
    const widths = c.lows.map((l, i) => Math.max(-l, c.highs[i])), wide = Math.max(...widths), live = widths.filter((v) => v > wide / 1000), dead = n - live.length;
    const bar = c.channels > n ? `${Math.ceil(c.channels / n)} neighbouring channels` : "channel";
    const told = c.axis == null ? "One scale for the whole tensor." : `One scale per channel${c.channels > n ? ` of ${c.channels}; a bar is up to ${bar}` : ""}. The widest is ${+(wide / Math.min(...live)).toPrecision(2)} times as wide as the narrowest${dead ? `, apart from ${dead} under a thousandth of it` : ""}.`;
    return `<h3>Weights <span class="soft">${escape(c.dtype)}[${c.shape.join(", ")}]</span></h3>${svg(w, 106, `Range of the weights of ${c.tensor} by channel`, `${marks}${bars}<text x="40" y="101">${c.axis == null ? "all" : "channel 0"}</text><text x="${w - 4}" y="101" text-anchor="end">${c.axis == null ? "" : c.channels - 1}</text>`)}<p class="note">${told}</p>`;
  };

  // ── the chart over all layers ──
  let points = [];
  const chart = () => {
    const place = $("chart"); if (!measured.length) { $("chart-figure").hidden = true; return; }
    const w = Math.max(320, Math.round(place.clientWidth)), h = w < 560 ? 190 : 230, left = 34, bottom = h - 22, list = state.chart === "sorted" ? [...measured].sort((a, b) => a.error.sqnr - b.error.sqnr) : measured;
    const x = (i) => left + 8 + (w - left - 16) * (list.length > 1 ? i / (list.length - 1) : .5), y = (v) => bottom - (bottom - 8) * (v - floor) / (ceiling - floor);
    const size = list.length > 400 ? .55 : list.length > 120 ? .75 : 1; points = list.map((l, i) => ({ layer: l, x: x(i), y: y(l.error.sqnr) }));
    const lines = ticks(floor, ceiling, 4).map((t) => `<line class="gridline" x1="${left}" x2="${w}" y1="${y(t)}" y2="${y(t)}"/><text x="${left - 6}" y="${y(t) + 4}" text-anchor="end">${t}${t === floor ? " dB" : ""}</text>`).join("");
    const dots = points.map((p) => `${list.length <= 150 ? `<line class="stem" stroke="var(--${kind(p.layer.precision)})" x1="${p.x.toFixed(1)}" x2="${p.x.toFixed(1)}" y1="${bottom}" y2="${p.y.toFixed(1)}"/>` : ""}<path class="dot" data-layer="${p.layer.number}" fill-rule="evenodd" d="${GLYPHS[kind(p.layer.precision)]}" fill="var(--${kind(p.layer.precision)})" transform="translate(${(p.x - 5.5 * size).toFixed(1)} ${(p.y - 5.5 * size).toFixed(1)}) scale(${size})"/>`).join("");
    place.innerHTML = svg(w, h, "SQNR of each layer in decibels", `${lines}<line class="axis" x1="${left}" x2="${w}" y1="${bottom}" y2="${bottom}"/><text x="${left + 4}" y="${h - 5}">${state.chart === "sorted" ? "worst" : "first layer"}</text><text x="${w}" y="${h - 5}" text-anchor="end">${state.chart === "sorted" ? "best" : "last layer"}</text>${dots}<circle class="ring" r="8" visibility="hidden"/>`);
    state.at = -1;
  };
  const point = (i) => { const p = points[i]; if (!p) return; state.at = i; const ring = $("chart").querySelector(".ring"); ring.setAttribute("cx", p.x); ring.setAttribute("cy", p.y); ring.setAttribute("visibility", "visible"); $("chart-note").textContent = `${called(p.layer)} · ${p.layer.op} · ${WORDS[kind(p.layer.precision)]} · ${decibels(p.layer.error)}`; };
  const nearest = (event) => { const box = $("chart").querySelector("svg").getBoundingClientRect(), scale = $("chart").querySelector("svg").viewBox.baseVal.width / box.width, mx = (event.clientX - box.left) * scale, my = (event.clientY - box.top) * scale; let best = -1, least = 1e9; points.forEach((p, i) => { const d = 4 * (p.x - mx) ** 2 + (p.y - my) ** 2; if (d < least) { least = d; best = i; } }); return best; };

  const legend = () => {
    const counts = {}; layers.forEach((l) => { counts[kind(l.precision)] = (counts[kind(l.precision)] || 0) + 1; });
    $("legend").innerHTML = Object.entries(counts).sort((a, b) => b[1] - a[1]).map(([p, n]) => `<button type="button" data-precision="${p}" aria-pressed="${!state.hidden.has(p)}">${glyph(p)}${WORDS[p]} <span class="soft">${n}</span></button>`).join("");
  };

  // ── events ──
  $("rows").addEventListener("click", (event) => { const b = event.target.closest("button"); if (!b) return;
    if (b.dataset.layer !== undefined) { const n = +b.dataset.layer; if (b.getAttribute("aria-expanded") === "true") close(n); else open(n, false); }
    else if (b.dataset.group !== undefined) { shut(b, b.getAttribute("aria-expanded") === "true"); state.open.forEach((n) => open(n, false)); } });
  $("rows").addEventListener("keydown", (event) => { if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return; more(event.key === "ArrowDown" && document.activeElement.closest("#rows > :last-child") ? CHUNK : 0); const all = [...$("rows").querySelectorAll("button")].filter((b) => b.offsetParent), i = all.indexOf(document.activeElement); if (i < 0) return; event.preventDefault(); all[i + (event.key === "ArrowDown" ? 1 : -1)]?.focus(); });
  $("search").addEventListener("input", () => { state.text = $("search").value; draw(); });
  $("sort").addEventListener("change", () => { state.sort = $("sort").value; draw(); });
  $("legend").addEventListener("click", (event) => { const b = event.target.closest("button"); if (!b) return; const p = b.dataset.precision; if (state.hidden.has(p)) state.hidden.delete(p); else state.hidden.add(p); legend(); draw(); $("legend").querySelector(`[data-precision="${p}"]`).focus(); });
  const foldAll = (yes) => {
    state.closed = new Set(yes ? grouped(layers).map((part) => part.layers[0].number) : []);
    if (yes) { [...state.open].forEach(close); }
    $("rows").querySelectorAll("[data-group]").forEach((b) => shut(b, yes));
  };
  $("fold").addEventListener("click", () => foldAll(true)); $("unfold").addEventListener("click", () => foldAll(false));
  document.querySelectorAll("[data-chart]").forEach((b) => b.addEventListener("click", () => { state.chart = b.dataset.chart; document.querySelectorAll("[data-chart]").forEach((o) => o.setAttribute("aria-pressed", String(o === b))); chart(); }));
  let moved = null; // one look at the chart for each frame, however often the pointer reports
  $("chart").addEventListener("pointermove", (event) => { if (!moved) requestAnimationFrame(() => { const last = moved; moved = null; point(nearest(last)); }); moved = event; });
  $("chart").addEventListener("click", (event) => { const i = nearest(event); if (points[i]) { point(i); reveal(points[i].layer.number); } });
  $("chart").addEventListener("keydown", (event) => { const move = { ArrowRight: 1, ArrowLeft: -1, Home: -1e9, End: 1e9 }[event.key]; if (move) { event.preventDefault(); point(Math.min(points.length - 1, Math.max(0, state.at + move))); } else if (event.key === "Enter" && points[state.at]) { event.preventDefault(); reveal(points[state.at].layer.number); } });
  document.addEventListener("click", (event) => { const a = event.target.closest("[data-go]"); if (a) { event.preventDefault(); reveal(+a.dataset.go); } const c = event.target.closest("[data-copy]"); if (c) navigator.clipboard?.writeText(c.previousElementSibling.textContent).then(() => { c.textContent = "copied"; }, () => { c.textContent = "select and copy"; }); });
  document.addEventListener("keydown", (event) => { if (event.key === "/" && !/^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) { event.preventDefault(); $("search").focus(); } });
  $("theme").addEventListener("click", () => { const root = document.documentElement, dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches; root.dataset.theme = dark ? "light" : "dark"; });
  let resizing = 0; addEventListener("resize", () => { clearTimeout(resizing); resizing = setTimeout(chart, 120); });

  // ── begin ──
  figures(); legend(); chart();
  if (layers.length > 60 && measured.length) { /* long models open on an overview: groups shut */ state.foldAtFirst = true; }
  if (state.foldAtFirst) foldAll(true);
  draw(); new IntersectionObserver((seen) => { if (seen.some((entry) => entry.isIntersecting)) more(CHUNK); }, { rootMargin: "800px" }).observe($("more"));
  addEventListener("beforeprint", () => more(waiting.length));
  const worst = measured.length ? measured.reduce((a, b) => (b.error.sqnr < a.error.sqnr ? b : a)) : null;
  $("layers-lede").innerHTML = `${layers.length} operations${worst ? `; the one farthest from float is <a href="#layer-${worst.number}" data-go="${worst.number}">${escape(called(worst))}</a> (${decibels(worst.error)})` : ""}.`;
  const inputs = (run.histograms || []).filter((h) => !h.made_by); if (inputs.length && $("inputs-charts")) $("inputs-charts").innerHTML = inputs.map((h) => `<div>${histogram(h)}</div>`).join("");
  document.querySelector(".contents").innerHTML = [...document.querySelectorAll("section[data-title]")].map((s) => `<a href="#${s.id}">${s.dataset.title}</a>`).join("");
  document.documentElement.dataset.ready = "true";
})();
