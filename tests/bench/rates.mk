# The two programs that measure token and signer alone. Included by the Makefile.
$(O)/bench/token_rate: $(O)/tests/bench/token_rate.c.o $(LIBCOMMON)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(O)/bench/signer_rate: $(O)/tests/bench/signer_rate.c.o $(filter-out %/main.c.o,$(call service_obj,signer)) $(LIBCOMMON)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
