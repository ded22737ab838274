# Programs that measure token, signer and journal alone. Included by the Makefile.
$(O)/bench/token_rate: $(O)/tests/bench/token_rate.c.o $(LIBCOMMON)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(O)/bench/signer_rate: $(O)/tests/bench/signer_rate.c.o $(filter-out %/main.c.o,$(call service_obj,signer)) $(LIBCOMMON)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(O)/bench/journal_tool: $(O)/tests/bench/journal_tool.c.o $(filter-out %/main.c.o,$(call service_obj,audit)) $(LIBCOMMON)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
