# Triện — one makefile sees the whole graph; everything it makes lies under build/ (and var/ for the demo).
#
#   make [BUILD=release|debug|asan] [O=dir] [V=1]     services are the folders of services/
#
##   make               build every service and tool
BUILD ?= release
O     ?= build/$(BUILD)
PYTHON ?= python3

ifneq ($(V),1)
Q := @
say = @printf '  %-6s %s\n'
else
say = @:
endif

SERVICES := $(notdir $(patsubst %/main.c,%,$(wildcard services/*/main.c)))
BINS     := $(SERVICES:%=$(O)/bin/trien-%)
# The operator's tool is called trienctl, not trien-trienctl.
BINS     := $(patsubst %/trien-trienctl,%/trienctl,$(BINS))

PACKAGES := libczmq libzmq libprotobuf-c libpq libp11 p11-kit-1 libcrypto libqpdf libmicrohttpd \
            libcurl jansson libseccomp
CC  ?= gcc
CXX ?= g++
PKG_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lunistring -lm -lstdc++ -pthread

WARNINGS  := -Wall -Wextra -Wshadow -Wconversion -Werror
CWARNINGS := -Wstrict-prototypes -Wmissing-prototypes -Wvla
HARDENING := -fPIE -fstack-protector-strong -fno-omit-frame-pointer
CPPFLAGS  += -I. -I$(O) -D_GNU_SOURCE $(PKG_CFLAGS)
LDFLAGS   += -pie -Wl,-z,relro,-z,now -Wl,--as-needed -Wl,--gc-sections

ifeq ($(BUILD),release)
OPT := -O2 -g -D_FORTIFY_SOURCE=2
else ifeq ($(BUILD),debug)
OPT := -Og -g3 -DTRIEN_DEBUG=1
else ifeq ($(BUILD),asan)
OPT := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -DTRIEN_ASAN=1
LDFLAGS += -fsanitize=address,undefined
else ifeq ($(BUILD),fuzz)
CC  := clang
CXX := clang++
OPT := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined -DTRIEN_ASAN=1
LDFLAGS += -fsanitize=address,undefined
else
$(error BUILD must be release, debug, asan or fuzz)
endif
CFLAGS   += -std=gnu17 $(OPT) $(HARDENING) -ffunction-sections -fdata-sections $(WARNINGS) $(CWARNINGS)
CXXFLAGS += -std=c++17 $(OPT) $(HARDENING) -ffunction-sections -fdata-sections $(WARNINGS)

# --- what is made from what ------------------------------------------------------------------------
PROTOS     := $(wildcard proto/*.proto)
PROTO_C    := $(PROTOS:%.proto=$(O)/%.pb-c.c)
PROTO_H    := $(PROTOS:%.proto=$(O)/%.pb-c.h)
SQL_INC    := $(patsubst %.sql,$(O)/gen/%.inc,$(wildcard common/*.sql services/*/*.sql))
CSV_INC    := $(patsubst %.csv,$(O)/gen/%.csv.inc,$(wildcard services/*/data/*/*.csv))
GENERATED  := $(PROTO_H) $(SQL_INC) $(CSV_INC) $(O)/gen/error_table.inc

COMMON_SRC := $(wildcard common/*.c common/*.cpp)
COMMON_OBJ := $(patsubst %,$(O)/%.o,$(COMMON_SRC)) $(PROTO_C:%=%.o)
LIBCOMMON  := $(O)/libtrien.a
service_obj = $(patsubst %,$(O)/%.o,$(wildcard services/$(1)/*.c))
# The program that parses documents: libqpdf and nothing else, in one piece, so that forking a child
# costs little and it finds little (decision 14). Sanitizers need their shared libraries.
INSPECT_OBJ := $(patsubst %,$(O)/%.o,$(wildcard inspector/*.c inspector/*.cpp))
INSPECT     := $(O)/bin/trien-inspect
ALL_OBJ    := $(COMMON_OBJ) $(INSPECT_OBJ) $(foreach s,$(SERVICES),$(call service_obj,$(s)))

.DEFAULT_GOAL := all
.PHONY: all help
.SECONDARY:
.DELETE_ON_ERROR:
all: $(BINS) $(INSPECT)

$(O)/proto/%.pb-c.c $(O)/proto/%.pb-c.h &: proto/%.proto
	$(say) PROTO $<
	$(Q)mkdir -p $(@D)
	$(Q)protoc-c --proto_path=proto --c_out=$(O)/proto $<
	$(Q)sed -i 's|#include "\([a-z_]*\.pb-c\.h\)"|#include "proto/\1"|' $(O)/proto/$*.pb-c.c $(O)/proto/$*.pb-c.h

$(O)/gen/error_table.inc: proto/error.proto common/mk/errors.awk
	$(say) GEN $@
	$(Q)mkdir -p $(@D)
	$(Q)awk -f common/mk/errors.awk $< > $@

$(O)/gen/%.inc: %.sql common/mk/sql.awk
	$(say) SQL $<
	$(Q)mkdir -p $(@D)
	$(Q)awk -f common/mk/sql.awk $< > $@

$(O)/gen/%.csv.inc: %.csv common/mk/text.awk
	$(say) CSV $<
	$(Q)mkdir -p $(@D)
	$(Q)awk -f common/mk/text.awk $< > $@

$(O)/%.pb-c.c.o: $(O)/%.pb-c.c | $(PROTO_H)
	$(say) CC $<
	$(Q)$(CC) -std=gnu17 $(OPT) $(HARDENING) -ffunction-sections -fdata-sections $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(O)/%.c.o: %.c | $(GENERATED)
	$(say) CC $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(O)/%.cpp.o: %.cpp | $(GENERATED)
	$(say) CXX $<
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) $(CXXFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(LIBCOMMON): $(COMMON_OBJ)
	$(say) AR $@
	$(Q)rm -f $@ && ar rcs $@ $^

# The compiler must not make a calloc() call of the calloc() in it.
$(O)/inspector/heap.c.o: CFLAGS += -fno-builtin
$(INSPECT): $(INSPECT_OBJ) $(LIBCOMMON)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
ifeq ($(filter asan fuzz,$(BUILD)),)
	$(Q)$(CXX) $(filter-out -pie,$(LDFLAGS)) -static-pie -Wl,-z,max-page-size=0x200000 -o $@ $^ -lqpdf -lz -ljpeg
else
	$(Q)$(CXX) $(LDFLAGS) -o $@ $^ -lqpdf -lseccomp
endif

define service_rule
$(O)/bin/$(2): $(call service_obj,$(1)) $(LIBCOMMON)
	$$(say) LINK $$@
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(PKG_LIBS)
endef
$(foreach s,$(SERVICES),$(eval $(call service_rule,$(s),$(if $(filter trienctl,$(s)),trienctl,trien-$(s)))))

# --- unit tests: tests/unit/<place>/test_<file>.c links the place (minus main.c) and common/ ---------
UNIT_SRC  := $(wildcard tests/unit/*/test_*.c)
UNIT_BINS := $(UNIT_SRC:tests/unit/%.c=$(O)/unit/%)
unit_place = $(patsubst tests/unit/%/,%,$(dir $(1)))
place_obj  = $(filter-out %/main.c.o %/heap.c.o,$(if $(filter inspector,$(1)),$(INSPECT_OBJ),$(call service_obj,$(1))))
define unit_rule
$(O)/unit/$(2): $(O)/$(1).o $(call place_obj,$(call unit_place,$(1))) $(LIBCOMMON) | $(INSPECT)
	$$(say) LINK $$@
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(LDFLAGS) -o $$@ $$^ $$(PKG_LIBS) -lcmocka
endef
$(foreach t,$(UNIT_SRC),$(eval $(call unit_rule,$(t),$(t:tests/unit/%.c=%))))

.PHONY: unit unit-build
##   make unit          build and run the C unit tests alone
unit-build: $(UNIT_BINS)
unit: unit-build
	$(Q)set -e; for t in $(UNIT_BINS); do CMOCKA_MESSAGE_OUTPUT=stdout $$t; done

# --- fuzz targets: tests/fuzz/fuzz_<parser>.c, seeds in tests/fuzz/corpus/<parser>/ -------------------
FUZZ_SRC  := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BINS := $(FUZZ_SRC:tests/fuzz/fuzz_%.c=$(O)/fuzz/%)
FUZZ_SERVICES := $(filter-out trienctl,$(SERVICES))
SECS ?= 60
# A target links common/ and the place named on its line "// links: services/<name>" (or inspector).
fuzz_links = $(foreach s,$(shell sed -n 's|^// links: \(services/\)\?||p' $(1)),$(call place_obj,$(s)))
define fuzz_rule
$(O)/fuzz/$(2): $(O)/$(1).o $(call fuzz_links,$(1)) $(LIBCOMMON)
	$$(say) LINK $$@
	$$(Q)mkdir -p $$(@D)
	$$(Q)clang++ $$(LDFLAGS) -fsanitize=fuzzer -o $$@ $$^ $$(PKG_LIBS)
endef
ifeq ($(BUILD),fuzz)
$(foreach t,$(FUZZ_SRC),$(eval $(call fuzz_rule,$(t),$(t:tests/fuzz/fuzz_%.c=%))))
endif
.PHONY: fuzz fuzz-build
fuzz-build: $(FUZZ_BINS)
##   make fuzz T=<target> SECS=60   fuzz one parser (all without T) for so many seconds each
fuzz: packages-test
	$(Q)$(MAKE) --no-print-directory venv
	$(Q)$(MAKE) --no-print-directory -j2 BUILD=fuzz O=build/fuzz fuzz-build
	$(Q)PYTHON=$(VENV)/bin/python tests/fuzz/run.sh $(SECS) $(T)

-include $(ALL_OBJ:.o=.d) $(UNIT_SRC:%=$(O)/%.d) $(FUZZ_SRC:%=$(O)/%.d)

include common/mk/targets.mk
-include tests/bus/bus.mk tests/bench/bus_hop/hop.mk tests/bench/rates.mk tests/bench/http.mk
include common/mk/demo.mk

##   make help          this list
help:
	@sed -n 's/^## //p' $(MAKEFILE_LIST)
