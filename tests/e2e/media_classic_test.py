"""Classic mode's files in a real nginx: untouched with the module loaded by -g, and derived for a node's own folder."""
import os
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import media_lab as lab  # noqa: E402

JOB = "0400000000000000000009"
DATA = pathlib.Path(os.environ.get("DSN_SOURCE", pathlib.Path(__file__).parents[2])) / "tests/data/classic"


class Classic:
    """One nginx with derived files."""

    def __init__(self, place, name, app):
        self.folder = place.folder / name
        self.folder.mkdir()
        self.rtmp, self.http = lab.free_ports(2)
        lab.text("folders", self.folder)
        derived = self.folder / "derived"
        (derived / "nginx.conf").write_text(self.derived("conf"))
        (derived / "mime.types").write_text(self.derived("mime"))
        (derived / "sites-enabled" / "hls").write_text(self.derived("site"))
        path = self.folder / "nginx" / "app-enabled" / JOB
        path.write_text(app)
        (derived / "app-enabled" / JOB).write_text(self.derived(path))
        self.argv = [lab.argv("nginx", self.folder, derived / "nginx.conf", "-", how) for how in ("test", "run")]

    def derived(self, what):
        return lab.text("classic", what, self.folder, lab.module_path(), self.rtmp, self.http)


@unittest.skipIf(lab.missing(), lab.missing())
class MediaClassic(unittest.TestCase):
    def setUp(self):
        self.lab = lab.Lab()
        self.addCleanup(self.lab.close)

    def nginx(self, name, app):
        node = Classic(self.lab, name, app)
        self.assertEqual(self.lab.start(f"test-{name}", node.argv[0]).wait(10), 0, self.lab.log(f"test-{name}"))
        self.lab.start(name, node.argv[1])
        lab.wait_for(name, lambda: (node.folder / "run" / "control.sock").exists())
        return node

    def test_chain(self):
        """A transcoder's exec sends to a storage's HLS, both from the texts of the field."""
        storage = self.nginx("storage", (DATA / "storage.conf").read_text().replace("hls_fragment 4s", "hls_fragment 1s"))
        app = (DATA / "transcoder.conf").read_text()
        app = app.replace("192.0.2.20:1935", f"127.0.0.1:{storage.rtmp}").replace("1600x900", "160x90")
        transcoder = self.nginx("transcoder", app)
        source = self.lab.folder / "source.flv"
        lab.make_source(source, 30, gop=25)
        self.lab.start("push", ["ffmpeg", "-v", "error", "-nostdin", "-re", "-i", source, "-c", "copy", "-f", "flv",
                                f"rtmp://127.0.0.1:{transcoder.rtmp}/{JOB}/{JOB}"])
        folder = storage.folder / "data" / JOB
        lab.wait_for("segments", lambda: len(list(folder.glob(f"{JOB}_900p-*.ts"))) >= 2, 60)
        master = lab.wait_for("the master playlist", lambda: (folder / f"{JOB}.m3u8").exists()
                              and (folder / f"{JOB}.m3u8").read_text())
        self.assertIn("BANDWIDTH=20000000,RESOLUTION=2560x1440\n" + JOB + "_2k.m3u8", master)
        code, head, body = lab.fetch(f"http://127.0.0.1:{storage.http}/{JOB}/{JOB}_900p.m3u8")
        self.assertEqual((code, head["Content-Type"], head["Access-Control-Allow-Origin"]),
                         (200, "application/vnd.apple.mpegurl", "*"))
        name = body.decode().splitlines()[-1]
        code, head, body = lab.fetch(f"http://127.0.0.1:{storage.http}/{JOB}/{name}")
        self.assertEqual((code, head["Content-Type"]), (200, "video/mp2t"))
        with open(self.lab.folder / "segment.ts", "wb") as segment:
            segment.write(body)
        video = [p for p in lab.packets(self.lab.folder / "segment.ts") if p[0] == "video"]
        self.assertGreater(len(video), 10)

    def test_refused_application(self):
        node = Classic(self.lab, "bad", (DATA / "storage.conf").read_text().replace("hls on", "hls maybe"))
        self.assertEqual(self.lab.start("bad", node.argv[0]).wait(10), 1)
        self.assertIn("invalid value", self.lab.log("bad"))

    def test_untouched_configuration(self):
        """As in the container, with /opt/nginx elsewhere: nginx takes the module from -g."""
        folder = self.lab.folder / "opt"
        for name in ("app-enabled", "sites-enabled", "logs"):
            (folder / name).mkdir(parents=True)
        port, http = lab.free_ports(2)
        conf = (DATA / "nginx.conf").read_text().replace("/opt/nginx", str(folder)).replace("1935", f"127.0.0.1:{port}")
        (folder / "nginx.conf").write_text(conf)
        (folder / "mime.types").write_text(lab.text("classic", "mime", folder, "-", 1, 1))
        (folder / "app-enabled" / JOB).write_text((DATA / "distributor.conf").read_text())
        vector = lab.argv("nginx", folder, folder / "nginx.conf", lab.module_path(), "test")
        self.assertEqual(self.lab.start("untouched", vector).wait(10), 0, self.lab.log("untouched"))


if __name__ == "__main__":
    if lab.missing():
        print("skipped:", lab.missing())
        sys.exit(77)
    unittest.main()
