// The demo's page: an HLS player with a button per rendition, and the state of nodes and renditions from state.json.

const video = document.getElementById('video');
const levels = document.getElementById('levels');
const playing = document.getElementById('playing');

let hls = null;
let master = null;

function text(tag, value, className) {
  const element = document.createElement(tag);
  element.textContent = value;
  if (className) element.className = className;
  return element;
}

function row(cells) {
  const tr = document.createElement('tr');
  for (const cell of cells) tr.append(cell instanceof Node ? cell : text('td', cell));
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
  levels.replaceChildren(button(-1, 'auto'), ...hls.levels.map((level, index) => button(index, `${level.height}p`)));
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
  document.getElementById('job').textContent = state.job ? `job ${state.job}: ${state.phase}` : state.phase || '';
  if (state.master && state.master !== master) play(state.master);
  const nodes = (state.nodes || []).flatMap((node) => {
    const units = node.units.length ? node.units : [{}];
    return units.map((unit) => row([
      node.role,
      node.id.slice(0, 8),
      text('td', node.state, node.state === 'running' ? 'good' : 'bad'),
      unit.name ? `${unit.name} ${unit.state}` : '',
      unit.speed ? `${Number(unit.speed).toFixed(2)}x` : '',
      unit.frames || '',
      unit.restarts || '',
    ]));
  });
  document.getElementById('nodes').replaceChildren(...nodes);
  const renditions = (state.renditions || []).map((r) =>
    row([r.rendition, r.resolution, String(r.segments), r.bitrate_bps ? `${Math.round(r.bitrate_bps / 1000)} kb/s` : '']));
  document.getElementById('renditions').replaceChildren(...renditions);
}

async function poll() {
  try {
    const answer = await fetch('state.json', { cache: 'no-store' });
    showState(await answer.json());
  } catch (error) {
    document.getElementById('job').textContent = 'the demo has ended';
  }
  setTimeout(poll, 1000);
}

setInterval(showPlaying, 250);
poll();
