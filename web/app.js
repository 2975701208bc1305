// The demo's page: an HLS player with a button per rendition, and the state of nodes and renditions from state.json.

const video = document.getElementById('video');
const levels = document.getElementById('levels');
const playing = document.getElementById('playing');

const FRESH_S = 5; // what a node said longer ago is old

let hls = null;
let master = null;

function text(tag, value, className) {
  const element = document.createElement(tag);
  element.textContent = value;
  if (className) element.className = className;
  return element;
}

// Cells are [column, text, class].
function row(cells) {
  const tr = document.createElement('tr');
  for (const [column, value, className] of cells) {
    const td = text('td', value, className);
    td.dataset.column = column;
    tr.append(td);
  }
  return tr;
}

function showLevels() {
  const choose = (index) => {
    hls.nextLevel = index;
    mark(index);
  };
  const mark = (index) => {
    for (const button of levels.children) button.setAttribute('aria-pressed', String(Number(button.dataset.level) === index));
  };
  const button = (index, label) => {
    const b = text('button', label);
    b.dataset.level = index;
    b.addEventListener('click', () => choose(index));
    return b;
  };
  levels.replaceChildren(button(-1, 'auto'), ...hls.levels.map((level, index) => button(index, `${Math.min(level.width, level.height)}p`)));
  mark(-1);
}

function play(url) {
  master = url;
  if (!window.Hls || !window.Hls.isSupported()) {
    if (video.canPlayType('application/vnd.apple.mpegurl')) video.src = url;
    else playing.textContent = 'This browser plays no HLS.';
    return;
  }
  if (hls) hls.destroy();
  hls = new window.Hls({ liveSyncDurationCount: 2 });
  hls.on(window.Hls.Events.MANIFEST_PARSED, showLevels);
  hls.on(window.Hls.Events.ERROR, (_, data) => {
    if (!data.fatal) return;
    playing.textContent = `Player: ${data.details}; trying again.`;
    setTimeout(() => play(url), 2000);
  });
  hls.loadSource(url);
  hls.attachMedia(video);
}

function showPlaying() {
  if (!video.videoHeight) return;
  playing.textContent = `Showing ${video.videoWidth}x${video.videoHeight} at ${video.currentTime.toFixed(1)} s`;
}

function showState(state) {
  const stale = state.phase !== 'ended' && state.now ? (seen) => state.now - seen > FRESH_S : () => false;
  document.getElementById('job').textContent = state.job ? `job ${state.job}: ${state.phase}` : state.phase || '';
  document.getElementById('note').textContent = state.note || '';
  if (state.master && state.master !== master) play(state.master);
  document.getElementById('nodes').replaceChildren(...(state.nodes || []).flatMap((node) => nodeRows(node, state.now, stale(node.seen))));
  const renditions = (state.renditions || []).map((r) =>
    row([['Rendition', r.rendition], ['Resolution', r.resolution], ['Segments', String(r.segments)],
      ['Bitrate', r.bitrate_bps ? `${Math.round(r.bitrate_bps / 1000)} kb/s` : '']]));
  document.getElementById('renditions').replaceChildren(...renditions);
}

const GOOD = ['running', 'waiting', 'stopped'];

// What a node said last, with its age when it says nothing any more.
function nodeRows(node, now, old) {
  const age = old ? `, last heard of ${Math.round(now - node.seen)} s ago` : '';
  const units = node.units.length ? node.units : [{}];
  return units.map((unit) => {
    const tr = row([
      ['Role', node.role],
      ['Node', node.id.slice(0, 8)],
      ['State', node.state + age, !old && GOOD.includes(node.state) ? 'good' : 'bad'],
      ['Unit', unit.name ? `${unit.name} ${old ? 'was ' : ''}${unit.state}` : '', !unit.name || (!old && GOOD.includes(unit.state)) ? '' : 'bad'],
      ['Speed', unit.speed && !old ? `${Number(unit.speed).toFixed(2)}x` : ''],
      ['Frames', unit.frames || ''],
      ['Restarts', unit.restarts || ''],
    ]);
    const why = unit.why || (GOOD.includes(node.state) ? '' : node.why);
    if (!why) return [tr];
    const reason = row([['Why', why, 'bad why']]);
    reason.firstChild.colSpan = 7;
    return [tr, reason];
  }).flat();
}

function ended() {
  document.getElementById('job').textContent = 'the demo has ended';
  document.body.classList.add('ended');
}

async function poll() {
  try {
    const answer = await fetch('state.json', { cache: 'no-store', signal: AbortSignal.timeout(FRESH_S * 1000) });
    document.body.classList.remove('ended');
    showState(await answer.json());
  } catch {
    ended();
  }
  setTimeout(poll, 1000);
}

setInterval(showPlaying, 250);
poll();
