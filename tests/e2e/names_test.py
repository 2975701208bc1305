#!/usr/bin/env python3
"""scripts/check-names: content with the tree as it is, and with no name that could be another module's."""
import unittest

from tree_check import TreeCheck


class Names(TreeCheck):
    script = "check-names"

    def declare(self, header, *lines):
        """Behind the last include, before everything else."""
        path = self.copy / "src" / header
        guard = path.read_text().rindex("#endif")
        path.write_text(path.read_text()[:guard] + "\n".join(lines) + "\n" + path.read_text()[guard:])

    def test_as_it_is(self):
        self.check(code=0)

    def test_function(self):
        self.declare("base/buf.h", "int stray_function(int a,", "                   int b);")
        self.check("src/base/buf.h: stray_function begins with none of the prefixes of base")

    def test_attribute_and_pointer(self):
        self.declare("base/buf.h", "struct error *stray_maker(const void *ctx) __attribute__((warn_unused_result));")
        self.check("src/base/buf.h: stray_maker begins")

    def test_variable(self):
        self.declare("vcli/money.h", "extern const char *const stray_names[3];")
        self.check("src/vcli/money.h: stray_names begins with none of the prefixes of vcli")

    def test_tag(self):
        self.declare("node/job/unit.h", "struct stray {", "\tint a;", "};")
        self.check("src/node/job/unit.h: tag stray begins with none of the prefixes of node")

    def test_tag_of_two_headers(self):
        self.declare("relay/watch.h", "struct tag_look {", "\tint a;", "};")
        self.check("tag tag_look is in src/relay/tag.h and in src/relay/watch.h")

    def test_tag_that_is_only_named(self):
        self.declare("bus/seal.h", "struct stray;")
        (self.copy / "src" / "bus" / "stray_part.c").write_text("struct stray {\n\tint a;\n};\n")
        self.check("src/bus/seal.h: tag stray begins with none of the prefixes of bus")

    def test_tag_that_means_two_things(self):
        path = self.copy / "src" / "hls" / "writer.c"
        path.write_text(path.read_text() + "struct outbox {\n\tint a;\n};\n")
        self.check("src/bus/outbox.h: tag outbox is in src/bus/outbox.c and in src/hls/writer.c")

    def test_function_of_two_rooms(self):
        self.declare("base/buf.h", "int base_twice(void);")
        self.declare("base/file.h", "int base_twice(void);")
        self.check("base_twice is in src/base/buf.h and in src/base/file.h")

    def test_prefix_of_its_line(self):
        text = (self.copy / "CMakeLists.txt").read_text()
        (self.copy / "CMakeLists.txt").write_text(text.replace("dsn_room(chain PREFIX eth ", "dsn_room(chain "))
        self.check("eth_address")


if __name__ == "__main__":
    unittest.main()
