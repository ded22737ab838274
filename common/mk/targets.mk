# Everything besides building: tests, benchmarks, style, documents. Included by the Makefile.

VENV := build/venv
.PHONY: packages-test venv check check-build lint format bench crash crl-large fresh compose-test docs clean

packages-test:
	$(Q)compose/packages.sh build run demo test

# Python for tests only; made again when the list of packages changes.
$(VENV)/.made: tests/requirements.txt
	$(say) VENV $(VENV)
	$(Q)rm -rf $(VENV)
	$(Q)$(PYTHON) -m venv $(VENV)
	$(Q)$(VENV)/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	$(Q)touch $@
venv: $(VENV)/.made

# Release for the road and the kill test, ASan+UBSan for everything, libFuzzer for the parsers.
check-build:
	$(Q)$(MAKE) --no-print-directory -j2 BUILD=release O=build/release all
	$(Q)$(MAKE) --no-print-directory -j2 BUILD=asan O=build/asan all unit-build
	$(Q)$(MAKE) --no-print-directory -j2 BUILD=fuzz O=build/fuzz fuzz-build

##   make check         set up and run every test; T=<word> chooses (a step: lint unit flow fuzz, or a name)
check: packages-test
	$(Q)$(MAKE) --no-print-directory venv check-build
	$(Q)$(VENV)/bin/python tests/run.py $(T)

##   make crash         kill -9 of random parties while requests and events flow, each test for SECS seconds (default 600)
crash: packages-test
	$(Q)$(MAKE) --no-print-directory venv all
	$(Q)ASAN_OPTIONS=detect_leaks=0 TRIEN_BUILD=$(O) CRASH_SECS=$(if $(filter file default undefined,$(origin SECS)),600,$(SECS)) $(VENV)/bin/python -m pytest -q -s -p no:cacheprovider tests/crash

##   make crl-large     a revocation list of ENTRIES=200000 through every party, checked by openssl and GnuTLS
crl-large: packages-test
	$(Q)$(MAKE) --no-print-directory venv all
	$(Q)TRIEN_BUILD=$(O) CRL_ENTRIES=$(or $(ENTRIES),200000) $(VENV)/bin/python -m pytest -q -p no:cacheprovider tests/flow/test_crl_large.py -k longer

##   make fresh         README's two commands, typed by an ordinary user on a Debian 12 with nothing on it (debootstrap, root)
fresh:
	$(Q)tests/fresh.sh

##   make compose-test  build the images and run the road through containers (docker, or podman with podman-compose)
compose-test: packages-test
	$(Q)$(MAKE) --no-print-directory venv all
	$(Q)TRIEN_BUILD=$(O) $(VENV)/bin/python -m pytest -q -s -rs -p no:cacheprovider tests/compose

##   make bench B=<name>  run all benchmarks or one; results in build/bench/<name>.json
bench:
	$(Q)compose/packages.sh build run demo test bench
	$(Q)$(MAKE) --no-print-directory venv all
	$(Q)$(VENV)/bin/python tests/bench/run.py $(B)

SOURCES := $(wildcard common/*.[ch] inspector/*.[ch] inspector/*.cpp inspector/*.hpp services/*/*.[ch] tests/unit/*/*.c tests/fuzz/*.c tests/bench/*/*.c tests/bench/*.c)
##   make lint          the rules of the house
lint: venv
	$(Q)$(VENV)/bin/python tests/run.py lint
##   make format        put every C file into shape
format:
	$(Q)clang-format -i $(SOURCES)

##   make docs          print the generated pages (flow, states, errors, configuration) into docs/
docs: all
	$(Q)docs/generate.sh $(O)

##   make clean         remove what building and testing made (not the demo)
clean:
	rm -rf build
