#!/usr/bin/env python3
"""`vcli pipeline push --loop`: one time line over many turns of a film, seen from the receiving end."""
import json
import shutil
import signal
import sys
import unittest

from push_lab import JOB, KEYS, X264, Pusher, beeps, packets, picture, sound

TURNS = 5

# name: (file, how long picture and sound are, fragment, codecs)
FILMS = {
    "copied, sound ends first": ("a.mp4", 2.4, 2.0, 1, f"{X264} {KEYS} -bf 2 -c:a aac"),
    "copied, sound ends last": ("b.mp4", 1.6, 1.97, 2, f"{X264} -g 1000 -bf 2 -c:a aac"),
    "copied, no sound": ("c.mp4", 1.6, 0, 1, f"{X264} {KEYS} -bf 2"),
    "copied, transport stream": ("d.ts", 2.4, 2.4, 1, f"{X264} {KEYS} -bf 2 -c:a aac"),
    "copied, live recording": ("it's live.mkv", 1.6, 1.5, 1, f"{X264} {KEYS} -bf 2 -c:a aac -live 1"),
    "encoded, sound ends first": ("f.mp4", 2.0, 1.7, 1, f"{X264} -g 1000 -bf 2 -c:a aac"),
    "encoded, no sound, uneven end": ("g.mp4", 2.0, 0, 1, f"{X264} {KEYS} -bf 2"),
    "encoded, sound ends last": ("h.webm", 1.8, 2.05, 1, "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 200k -c:a libopus"),
}


class Loop(unittest.TestCase):
    def test_time_stamps(self):
        pusher = Pusher()
        self.addCleanup(pusher.close)
        pushes = {}
        for name, (file, video, audio, fragment, codecs) in FILMS.items():
            film = pusher.film(file, picture(video), sound(audio) if audio else "", codecs)
            pushes[name] = pusher.begin(film, "--loop", "--json", fragment=fragment)
        for name, push in pushes.items():
            push["receiver"].wait_for_ms(max(FILMS[name][1:3]) * 1000 * TURNS + 500)
            push["process"].send_signal(signal.SIGINT)
        for push in pushes.values():
            pusher.end(push)
        for name, push in pushes.items():
            with self.subTest(name):
                self.check(name, push)

    def check(self, name, push):
        self.assertEqual(push["code"], 0, push["err"])
        self.assertEqual(push["left"], [f"{JOB}.json"], "no file of the push is left")
        self.assertEqual(json.loads(push["out"])["sent_as"], "copy" if name.startswith("copied") else "normalised", push["err"])
        video, audio = packets(push["file"], "video"), packets(push["file"], "audio")
        self.assertNotIn("onoton", push["heard"] + push["err"])
        for kind in (video, audio):
            dts = [p[1] for p in kind]
            self.assertEqual([b for a, b in zip(dts, dts[1:]) if b <= a], [], "time stamps that do not rise")
        _, picture_s, sound_s, fragment, _ = FILMS[name]
        per_turn = round(picture_s * 25)
        turns = [video[i:i + per_turn] for i in range(0, len(video) - per_turn + 1, per_turn)]
        self.assertGreaterEqual(len(turns), TURNS)
        length = turns[1][0][0] - turns[0][0][0]
        self.assertLessEqual(abs(length - max(picture_s, sound_s) * 1000), 60, "a turn is as long as what ends last")
        for n, turn in enumerate(turns):
            self.assertTrue(turn[0][2], f"turn {n} begins with a key frame")
            for first, now in zip(turns[0], turn):
                self.assertLessEqual(abs(now[0] - first[0] - n * length), 1, f"picture of turn {n}")
        if not name.startswith("copied"):
            between = [b[0] - a[0] for keys in [[p for p in video if p[2]]] for a, b in zip(keys, keys[1:])]
            self.assertLessEqual(max(between), fragment * 500 + 40)
            self.assertGreaterEqual(min(between) * 10, max(between) * 9 - 400, "regular over the turns")
        if not sound_s:
            self.assertEqual(audio, [])
            return
        # The sound keeps with the picture: each turn's beep is where its first picture is, as in the first turn.
        heard = beeps(push["file"])[:TURNS - 1]
        self.assertEqual(len(heard), TURNS - 1)
        for n, at in enumerate(heard, 1):
            self.assertLessEqual(abs(at * 1000 - turns[n][0][0]), 45, f"beep of turn {n}")


if __name__ == "__main__":
    if not shutil.which("ffmpeg"):
        print("ffmpeg is not installed", file=sys.stderr)
        sys.exit(77)
    unittest.main(verbosity=2)
