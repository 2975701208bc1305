#!/usr/bin/env python3
"""Films of the field through a whole pipeline: broker, agent, distributor, transcoder, storage. What is stored can be joined anywhere."""
import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import network  # noqa: E402
import push_lab as lab  # noqa: E402

FILMS = {
    # Open GOP and ten bits, with sound that ends last.
    "broadcast": ("open.ts", [lab.picture(4.4, "320x180"), lab.sound(4.5), lab.X264, lab.KEYS, "-pix_fmt yuv420p10le -x264opts open-gop=1 -bf 2",
                              "-c:a aac"]),
    # A phone held upright.
    "phone": ("lying.mp4", [lab.picture(4, "320x180"), lab.sound(4), lab.X264, lab.KEYS, "-c:a aac"]),
}
SEGMENTS = 5


class Pipeline(network.TestCase):
    def test_what_is_stored_can_be_joined_anywhere(self):
        net = self.network(together=True, transcoders=1)
        pushes = {}
        for job, (name, words) in FILMS.items():
            film = net.folder / name
            lab.ffmpeg(*words, film)
            if job == "phone":
                film = net.folder / "upright.mp4"
                lab.ffmpeg(f"-i {net.folder / name} -c copy -metadata:s:v:0 rotate=90", film)
            net.start_job(job)
            pushes[job] = net.vcli_start("pipeline", "push", job, str(film), "--loop", "--json")
        for job in FILMS:
            net.wait_segments(SEGMENTS, job=job, seconds=90)
        for job, push in pushes.items():
            push.send_signal(signal.SIGINT)
            out, said = push.communicate(timeout=30)
            self.assertEqual(push.returncode, 0, said)
        for job in FILMS:
            with self.subTest(job):
                status = net.status(job)["d"]
                self.assertEqual(status["ingest"].get("normalised", "no"), "no", "one encode is enough, it was done at the push")
                self.check(net, job, (180, 320) if job == "phone" else (320, 180))

    def check(self, net, job, size):
        for variant in net.variants():
            self.assertEqual(net.decode_errors(variant, job), [], variant)
            numbers = net.numbers(variant, job)
            self.assertGreaterEqual(len(numbers), SEGMENTS)
            self.assertFalse([n for n, _, gap in net.playlist(variant, job)[0] if gap])
        source = net.segment("_src", numbers[1], job)
        video = lab.streams(source)["video"]
        self.assertEqual((video["width"], video["height"], video["pix_fmt"]), (*size, "yuv420p"))
        # Each segment begins with an IDR picture, so with what decoding needs.
        self.assertTrue(lab.packets(source, "video")[0][2])
        self.assertEqual(lab.idr_count(source), sum(key for _, _, key in lab.packets(source, "video")))


if __name__ == "__main__":
    network.main()
