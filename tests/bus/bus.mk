# The probe services of the bus' own tests. Included by the Makefile.
BUS_PROBE := $(O)/bin/bus-probe

$(O)/tests/bus/probe.pb-c.c $(O)/tests/bus/probe.pb-c.h &: tests/bus/probe.proto
	$(say) PROTO $<
	$(Q)mkdir -p $(@D)
	$(Q)protoc-c --proto_path=tests/bus --c_out=$(O)/tests/bus $<

$(O)/tests/bus/probe.c.o: $(O)/tests/bus/probe.pb-c.h $(O)/gen/tests/bus/probe.inc

$(BUS_PROBE): $(O)/tests/bus/probe.c.o $(O)/tests/bus/probe.pb-c.c.o $(LIBCOMMON)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

all: $(BUS_PROBE)
-include $(O)/tests/bus/probe.c.d
