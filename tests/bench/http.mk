# The smallest service and its asker, for bench_http.py. Included by the Makefile; not part of `all`.
$(O)/bench/post-service: $(O)/tests/bench/post_service.c.o $(LIBCOMMON)
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(O)/bench/http-load: $(O)/tests/bench/http_load.c.o
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $^ -pthread

-include $(O)/tests/bench/post_service.c.d $(O)/tests/bench/http_load.c.d
