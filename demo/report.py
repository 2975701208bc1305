"""What the storage holds, looked at from outside: over HTTP, with ffprobe and ffmpeg, as a customer would."""
import json
import re
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import apart
import picture

KEPT_UP = 0.95  # of real time
PROBED_AT_MOST = 40  # segments per rendition whose cut points are measured; all are counted


def fetch_bytes(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def fetch(url):
    return fetch_bytes(url).decode()


def master_variants(master_url):
    """{rendition: (media playlist's address, bandwidth, resolution)} of a master playlist, in its order. Of redundant variants the
    preferred one, which stands first."""
    variants = {}
    attributes = None
    for line in fetch(master_url).splitlines():
        if line.startswith("#EXT-X-STREAM-INF:"):
            attributes = line
        elif line and not line.startswith("#") and attributes:
            bandwidth = re.search(r"BANDWIDTH=(\d+)", attributes)
            resolution = re.search(r"RESOLUTION=(\d+x\d+)", attributes)
            url = urllib.parse.urljoin(master_url, line)
            variants.setdefault(url.split("/")[-2], (url, int(bandwidth.group(1)), resolution.group(1) if resolution else "?"))
            attributes = None
    return variants


def media_playlist(url):
    """Segments [(uri, seconds)], gaps and whether the list is ended."""
    segments, gaps, duration, gap = [], 0, 0.0, False
    text = fetch(url)
    for line in text.splitlines():
        if line.startswith("#EXTINF:"):
            duration = float(line[8:].split(",")[0])
        elif line.startswith("#EXT-X-GAP"):
            gap = True
        elif line and not line.startswith("#"):
            if gap:
                gaps += 1
            else:
                segments.append((line, duration))
            gap = False
    return segments, gaps, "#EXT-X-ENDLIST" in text


def first_video_pts(url):
    out = apart.run(
        ["ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pts", "-read_intervals", "%+#1",
         "-of", "json", url], capture_output=True, text=True, timeout=60)
    packets = json.loads(out.stdout or "{}").get("packets", [])
    return packets[0]["pts"] if packets else None


def decodes(url):
    # In the stream's own time base: in that of its frame rate, frames beside the grid, as a later turn's are, are rounded onto each other.
    out = apart.run(["ffmpeg", "-v", "error", "-xerror", "-i", url, "-enc_time_base:v", "-1", "-f", "null", "-"],
                    capture_output=True, text=True, timeout=600)
    return out.returncode == 0 and not out.stderr.strip(), out.stderr.strip()


def size_of(url):
    request = urllib.request.Request(url, method="HEAD")
    with urllib.request.urlopen(request, timeout=10) as answer:
        return int(answer.headers["Content-Length"])


def inspect(master_url, speeds, decode=True):
    """One row a rendition. `speeds`: resolution -> realtime speed as the transcoder reported it."""
    rows = []
    with ThreadPoolExecutor(2) as pool:
        for rendition, (url, bandwidth, resolution) in master_variants(master_url).items():
            folder = url.rsplit("/", 1)[0] + "/"
            segments, gaps, ended = media_playlist(url)
            step = max(1, -(-len(segments) // PROBED_AT_MOST))
            probed = segments[::step]
            sizes = list(pool.map(size_of, [folder + name for name, _ in segments]))
            seconds = sum(duration for _, duration in segments)
            rows.append({
                "rendition": rendition,
                "resolution": resolution,
                "folder": folder,
                "segments": len(segments),
                "names": [name for name, _ in segments],
                "probed": [name for name, _ in probed],
                "missing": gaps,
                "ended": ended,
                "seconds": round(seconds, 3),
                "cuts": list(pool.map(first_video_pts, [folder + name for name, _ in probed])),
                "bitrate_bps": int(sum(sizes) * 8 / seconds) if seconds else 0,
                "wanted_bps": bandwidth,
                "speed": speeds.get(resolution),
                "decodes": decodes(url) if decode else (None, ""),
            })
    for row in rows:
        row["aligned"] = bool(row["cuts"]) and row["cuts"] == rows[0]["cuts"] and row["names"] == rows[0]["names"]
    return rows


def problems(rows, want_end=True):
    found = []
    if not rows:
        found.append("the master playlist names no rendition")
    for row in rows:
        name = row["rendition"]
        if not row["segments"]:
            found.append(f"{name}: no segment was stored")
        if row["segments"] != rows[0]["segments"]:
            found.append(f"{name}: {row['segments']} segments, {rows[0]['rendition']} has {rows[0]['segments']}")
        if not row["aligned"]:
            found.append(f"{name}: cut points differ from those of {rows[0]['rendition']}")
        if row["missing"]:
            found.append(f"{name}: {row['missing']} segments are missing")
        if want_end and not row["ended"]:
            found.append(f"{name}: the playlist has no EXT-X-ENDLIST")
        if row["decodes"][0] is False:
            found.append(f"{name}: does not decode cleanly: {row['decodes'][1][:200]}")
    return found


def too_slow(rows):
    """What all else that is wrong may follow from: the encoders did not keep up. A sentence in a list, or nothing."""
    slowest = min((row["speed"] for row in rows if row["speed"]), default=1.0)
    if slowest >= KEPT_UP:
        return []
    return [f"this machine is too slow for four encoders, or busy with something else: the slowest made {slowest:.2f} s of film in a second"]


def table(rows):
    head = ("rendition", "resolution", "segments", "cut points aligned", "bitrate", "realtime speed", "picture")
    lines = [head]
    for row in rows:
        speed = f"{row['speed']:.2f}x" if row["speed"] else "copy"
        lines.append((row["rendition"], row["resolution"], str(row["segments"]), "yes" if row["aligned"] else "NO",
                      f"{row['bitrate_bps'] / 1000:.0f} kb/s", speed, picture.cell(row)))
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    text.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(text)
