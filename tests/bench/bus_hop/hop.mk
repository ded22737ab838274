# Programs of the benchmark bus-hop. Included by the Makefile.
BUS_HOP := $(O)/bin/bus-hop

$(O)/tests/bench/bus_hop/hop.pb-c.c $(O)/tests/bench/bus_hop/hop.pb-c.h &: tests/bench/bus_hop/hop.proto
	$(say) PROTO $<
	$(Q)mkdir -p $(@D)
	$(Q)protoc-c --proto_path=tests/bench/bus_hop --c_out=$(O)/tests/bench/bus_hop $<

$(O)/tests/bench/bus_hop/hop.c.o: $(O)/tests/bench/bus_hop/hop.pb-c.h $(O)/gen/tests/bench/bus_hop/hop.inc

$(BUS_HOP): $(O)/tests/bench/bus_hop/hop.c.o $(O)/tests/bench/bus_hop/hop.pb-c.c.o $(LIBCOMMON)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

bench: $(BUS_HOP)
-include $(O)/tests/bench/bus_hop/hop.c.d

# The peers it is measured beside. Built by `make bench` only; their libraries come with its packages.
HOP_PEERS := $(addprefix $(O)/bin/hop-peer-,writer rabbit nats pgq)
$(HOP_PEERS): $(O)/bin/hop-peer-%: $(O)/tests/bench/bus_hop/peer_%.c.o $(O)/tests/bench/bus_hop/peer.c.o
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -lpq -pthread $(if $(filter %rabbit,$@),-lrabbitmq) $(if $(filter %nats,$@),-lnats)
bench: $(HOP_PEERS)
