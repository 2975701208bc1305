#!/usr/bin/env python3
"""scripts/check-rooms: content with the tree as it is, and with nothing that breaks its order."""
import unittest

from tree_check import TreeCheck


class Rooms(TreeCheck):
    script = "check-rooms"

    def include(self, file, header):
        path = self.copy / "src" / file
        path.write_text(f'#include "{header}"\n' + path.read_text())

    def test_as_it_is(self):
        self.check(code=0)

    def test_higher_floor(self):
        self.include("base/buf.c", "bus/bus.h")
        self.check("src/base/buf.c", "bus/bus.h", "base stands below or beside bus")

    def test_lower_but_not_on_its_line(self):
        """agent links node, which links media: that is no leave to include media's headers."""
        self.include("agent/main.c", "media/args.h")
        self.check("src/agent/main.c", "media/args.h", "the line of agent in CMakeLists.txt does not name")

    def test_beside(self):
        self.include("media/args.c", "http/client.h")
        self.check("src/media/args.c")

    def test_circle_of_rooms(self):
        path = self.copy / "CMakeLists.txt"
        path.write_text(path.read_text().replace("dsn_room(base ", "dsn_room(base ROOMS api "))
        self.check("room base uses api")

    def test_circle_of_headers(self):
        self.include("base/buf.h", "base/file.h")
        self.include("base/file.h", "base/buf.h")
        self.check("circle of includes", "base/buf.h", "base/file.h")

    def test_unknown_folder(self):
        (self.copy / "src" / "attic").mkdir()
        (self.copy / "src" / "attic" / "old.c").write_text("int old;\n")
        self.check("attic")

    def test_higher_folder(self):
        self.include("node/job/job.c", "node/agent/agent.h")
        self.check("src/node/job/job.c", "node/agent/agent.h", "stands above")

    def test_another_service(self):
        self.include("manager/jobs/jobs.c", "manager/registry/nodes.h")
        self.check("src/manager/jobs/jobs.c", "manager/registry/nodes.h", "services meet by calls and events only")

    def test_folder_without_a_place(self):
        (self.copy / "src" / "node" / "attic").mkdir()
        (self.copy / "src" / "node" / "attic" / "old.c").write_text("int old;\n")
        self.check("src/node/attic/old.c", "behind FOLDERS")

    def test_short_path(self):
        self.include("base/buf.c", "file.h")
        self.check('includes "file.h"', "from src/")


if __name__ == "__main__":
    unittest.main()
