# Thin front for CMake (CMakePresets.json) and Ninja; `make help` lists what there is.
BUILD   ?= build
ASAN    ?= build-asan
SECONDS ?= 600
JOBS    ?= $(shell nproc)
# Tests wait more than they compute.
TEST_JOBS ?= $(shell echo $$((2 * $$(nproc))))
PROGRAMS = dsn-agent dsn-hls dsn-relay vcli dsn-bench dsnd shhd texts
# The longest of the rest wait for most of their time.
REST_JOBS ?= $(shell echo $$((3 * $$(nproc))))
CTEST   ?= ctest --output-on-failure -j $(TEST_JOBS)

SOAK    ?= 180

.PHONY: all demo test test-all test-rest test-programs interop bench report lint format asan fuzz install clean help

all: ## build the programs into build/bin
	@scripts/setup build
	@cmake --preset release -B $(BUILD) >$(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log
	@cmake --build $(BUILD) -j $(JOBS) --target $(PROGRAMS)

# What a person says goes to the demo through the environment as it is: neither make nor a shell reads it.
DEMO_VARIABLES = INPUT BUS ONCE PORT DRILL DEMO_FLAGS
$(foreach v,$(DEMO_VARIABLES),$(eval override $(v) := $$(value $(v))))
$(foreach v,$(DEMO_VARIABLES),$(eval demo: export override $(v) := $$(value $(v))))

demo: ## run the video network: broker, six nodes, a stream in, HLS in the browser (ONCE=1, INPUT=film.mp4, BUS=whisper, PORT=8000, DRILL=1)
	@scripts/setup demo
	@$(MAKE) --no-print-directory all
	@exec python3 demo/demo.py --bin $(BUILD)/bin

test: test-programs ## unit tests, the main job and a part of each suite, with the real programs, under AddressSanitizer and UBSan
	@DSN_RELEASE_BIN=$(CURDIR)/$(BUILD)/bin $(CTEST) --test-dir $(ASAN) -L quick

test-all: test ## all tests: what `make test` runs, then the rest (about 40 minutes on two cores)
	@$(MAKE) --no-print-directory test-rest

test-rest: test-programs ## what `make test` leaves out
	@DSN_RELEASE_BIN=$(CURDIR)/$(BUILD)/bin $(CTEST) --test-dir $(ASAN) -L rest -j $(REST_JOBS)

test-programs:
	@scripts/setup test
	@scripts/check-rooms
	@$(MAKE) --no-print-directory all asan

interop: ## beside the real go-ethereum 1.9.20 and web3.js (SOAK=seconds of the long test)
	@scripts/setup interop
	@scripts/geth >/dev/null || [ $$? = 77 ]
	@$(MAKE) --no-print-directory all
	@cmake -S . -B $(BUILD) -DDSN_INTEROP=ON >/dev/null
	@cmake --build $(BUILD) -j $(JOBS) --target chain_peer
	@DSN_SOAK_S=$(SOAK) ctest --test-dir $(BUILD) -L interop --output-on-failure; s=$$?; \
		cmake -S . -B $(BUILD) -DDSN_INTEROP=OFF >/dev/null; exit $$s

asan: ## build everything with sanitizers and the fuzz targets (clang) into build-asan
	@scripts/setup test
	@cmake --preset asan -B $(ASAN) >$(ASAN).log 2>&1 || { cat $(ASAN).log; exit 1; }
	@rm -f $(ASAN).log
	@cmake --build $(ASAN) -j $(JOBS)

fuzz: asan ## run each fuzz target for SECONDS (600)
	@cmake -S . -B $(ASAN) -DDSN_FUZZ_SECONDS=$(SECONDS) >/dev/null
	@ctest --test-dir $(ASAN) -R '^fuzz\..*\.long$$' -j $(JOBS) --timeout 36000 --output-on-failure; s=$$?; \
		cmake -S . -B $(ASAN) -DDSN_FUZZ_SECONDS=3 >/dev/null; exit $$s

bench: ## measure beside the peers: dsn-bench on a private broker
	@scripts/setup demo
	@$(MAKE) --no-print-directory all
	@scripts/bench $(BUILD)/bin

report: ## measure Whisper, beside go-ethereum where scripts/geth has built it, and write docs/reports/whisper.md
	@$(MAKE) --no-print-directory all
	@scripts/whisper-report --bin $(BUILD)/bin

lint: ## formatting, rooms, headers, clang-tidy, cppcheck
	@scripts/setup lint
	@scripts/lint

format: ## format the C sources
	@scripts/setup lint
	@git ls-files -z 'src/*.[ch]' 'src/*.inc' 'tests/*.[ch]' | xargs -0 clang-format -i

install: all ## install below PREFIX (/usr/local), DESTDIR is honoured
	@cmake --install $(BUILD) $(if $(PREFIX),--prefix "$(PREFIX)")

clean: ## remove what was built
	@rm -rf $(BUILD) $(ASAN) build-lint

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile
