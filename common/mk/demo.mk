# The demonstration: everything on one machine, under var/demo/. Included by the Makefile.

DEMO_DIR ?= var/demo
DEMO_BASE_PORT ?= 8080
.PHONY: demo down clean-demo

##   make demo          install what is missing, build, start everything, post sample requests, check every result
demo:
	$(Q)compose/packages.sh build run demo
	$(Q)$(MAKE) --no-print-directory all
	$(Q)compose/demo/demo.sh $(O)/bin $(DEMO_DIR) $(DEMO_BASE_PORT)

##   make down          stop what make demo started
down:
	$(Q)if [ -e $(DEMO_DIR)/etc/trienctl.conf ]; then $(O)/bin/trienctl --config $(DEMO_DIR)/etc/trienctl.conf down; fi

##   make clean-demo    remove it
clean-demo: down
	$(Q)compose/cluster.sh remove $(DEMO_DIR)
