# SPDX-License-Identifier: Apache-2.0
#
# make                 build everything into build/ (no root; names what is missing)
# sudo make demo       the main job on a real kernel: SCTP associations in the lab, and their report
# sudo make check      every test; installs what it needs through apt first
# make help            the other targets
#
# V=1 shows the commands, BUILD=DIR builds elsewhere, SANITIZE=1 builds with ASan and UBSan.
# A new script, loader, helper source or test is found by its place in the tree: nothing to add here.

VERSION := $(shell cat VERSION)
DATE    := 2026-11-22
BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=

CC      ?= gcc
CLANG   ?= clang
BPFTOOL ?= $(or $(shell command -v bpftool),/usr/sbin/bpftool)
PKGCONF ?= pkg-config

CFLAGS   ?= -O2 -g
CPPFLAGS += -I. -I$(BUILD) -D_GNU_SOURCE -DNETVITALS_VERSION='"$(VERSION)"' -DNETVITALS_DATE='"$(DATE)"' -MMD -MP
CFLAGS   += -std=c11 -Wall -Wextra -Werror
ifdef SANITIZE
CFLAGS  += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
# libasan inside the program: a shared one has it look for leaks in a third more memory, which short runs feel
LDFLAGS += -fsanitize=address,undefined $(if $(findstring clang,$(CC)),,-static-libasan -static-libubsan)
endif

# BPF sees the kernel's types by hand-written CO-RE structs (bpf/common/*.bpf.h), so that no vmlinux.h
# of one machine is part of the build. The multiarch folder holds asm/types.h on
# Debian. v3 brings atomics that return a value (Linux 5.12).
MULTIARCH  := $(shell $(CC) -print-multiarch 2>/dev/null)
BPF_ARCH   := $(patsubst x86_64%,x86,$(patsubst aarch64%,arm64,$(shell uname -m)))
BPF_CFLAGS := -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -I. -D__TARGET_ARCH_$(BPF_ARCH) \
              $(if $(MULTIARCH),-I/usr/include/$(MULTIARCH))

ifdef V
Q :=
msg :=
else ifneq ($(findstring s,$(firstword -$(MAKEFLAGS))),)
Q := @
msg :=
else
Q := @
msg = @printf '  %-8s %s\n' $(1) $(2:$(BUILD)/%=%);
endif

.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules

# ---- what there is

CLI_SRC    := $(wildcard helper/cli*.c) helper/parse_numbers.c
SCHEMA_SRC := $(wildcard schema/*.c)
HELPER_SRC := $(wildcard helper/*.c helper/*/*.c) $(SCHEMA_SRC)
COMMON_SRC := $(wildcard bpf/common/*.c) $(CLI_SRC) $(SCHEMA_SRC) helper/aggregate/large_memory.c
LOADERS    := $(foreach dir,$(wildcard bpf/*/),$(if $(wildcard $(dir)$(notdir $(dir:/=)).bpf.c),$(notdir $(dir:/=))))
BPF_SRC    := $(wildcard bpf/*/*.bpf.c)
SCRIPTS    := $(wildcard scripts/*/*.bt)
PROGRAMS   := $(if $(wildcard helper/main.c),netvitals) $(LOADERS)

objects    = $(patsubst %.c,$(BUILD)/%.o,$(1))
# every C source of a loader's folder and its subfolders, the BPF side aside
loader_src = $(filter-out %.bpf.c,$(wildcard bpf/$(1)/*.c bpf/$(1)/*/*.c))
skeletons  = $(patsubst %.bpf.c,$(BUILD)/%.skel.h,$(wildcard bpf/$(1)/*.bpf.c))

# libcurl is loaded by netvitals itself, when it is needed: its header is enough
LIBS_netvitals := json-c libzstd libpsl libmaxminddb nettle
LIBS_loader    := libbpf libelf zlib libcap libseccomp
# a loader's own libraries: LIBS_NAME := pkg-config names, in bpf/NAME/NAME.mk
-include $(wildcard bpf/*/*.mk)

.PHONY: all
all: programs docs

.PHONY: programs
programs: $(addprefix $(BUILD)/bin/,$(PROGRAMS))

# Only a missing header or program makes the build stop, and it says which package brings it.
$(BUILD)/packages-build: tests/packages tests/setup
	$(Q)tests/setup --check build
	@mkdir -p $(@D) && touch $@

# ---- rules

$(BUILD)/%.o: %.c | $(BUILD)/packages-build
	$(call msg,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(BUILD)/%.bpf.o: %.bpf.c | $(BUILD)/packages-build
	$(call msg,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -MT $@ -MF $(@:.o=.d) -c $< -o $@

$(BUILD)/%.skel.h: $(BUILD)/%.bpf.o
	$(call msg,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name $(subst -,_,$(notdir $*))_bpf >$@

$(BUILD)/bin/netvitals: $(call objects,$(HELPER_SRC))
	$(call msg,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $$($(PKGCONF) --libs $(LIBS_netvitals)) -lpthread

define LOADER
$(call objects,$(call loader_src,$(1))): | $(call skeletons,$(1))
$(BUILD)/bin/$(1): $(call objects,$(call loader_src,$(1)) $(COMMON_SRC))
	$$(call msg,LINK,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) $$^ -o $$@ $$$$($$(PKGCONF) --libs $(LIBS_loader) $(LIBS_$(1))) -lpthread
endef
$(foreach loader,$(LOADERS),$(eval $(call LOADER,$(loader))))

-include $(patsubst %.c,$(BUILD)/%.d,$(HELPER_SRC) $(COMMON_SRC) $(foreach l,$(LOADERS),$(call loader_src,$(l))))
-include $(patsubst %.c,$(BUILD)/%.d,$(BPF_SRC))
-include $(wildcard $(BUILD)/tests/bench/*.d)

# ---- documents made from the tables: docs/events.md (kept in the tree), man pages, completions

.PHONY: docs
docs: $(foreach p,$(PROGRAMS),$(BUILD)/man/$(p).1 $(foreach s,bash zsh fish,$(BUILD)/completions/$(p).$(s)))

$(BUILD)/man/%.1: $(BUILD)/bin/%
	$(call msg,MAN,$@)
	@mkdir -p $(@D)
	$(Q)$< --man >$@

define COMPLETION
$(BUILD)/completions/%.$(1): $(BUILD)/bin/%
	@mkdir -p $$(@D)
	$$(Q)$$< --completion=$(1) >$$@
endef
$(foreach shell,bash zsh fish,$(eval $(call COMPLETION,$(shell))))

.PHONY: events-doc
events-doc: $(BUILD)/bin/netvitals ## write docs/events.md anew from schema/events.def
	@mkdir -p docs
	$(Q)$< schema --format markdown >docs/events.md

# ---- tests: tests/run prints `N passed, N failed, N skipped` at the end

.PHONY: check check-offline check-live check-lab check-next demo lab lint fuzz
check: setup ## every test: lint, offline (also under ASan and UBSan), live, the labs 6.1 and 6.12, fuzz
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/run all

check-offline: all ## tests that need neither root nor a kernel feature
	$(Q)tests/run offline

check-live: all ## tests on this machine's kernel (root)
	$(Q)tests/run live

check-lab: all ## tests in the lab's kernels 6.1 and 6.12 (root)
	$(Q)tests/run lab:bookworm lab:trixie

check-next: setup ## the lab tests on Debian sid's kernel (root)
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/run lab:sid

demo: setup ## SCTP heartbeats on a real kernel in the lab, and their report
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/vm/demo

lab: setup ## a shell in the lab (LAB=bookworm, trixie or sid)
	$(Q)$(MAKE) --no-print-directory all
	$(Q)tests/vm/lab shell $(or $(LAB),bookworm)

lint: all ## clang-format, clang-tidy, shellcheck
	$(Q)tests/run lint

fuzz: ## each fuzz target for FUZZ_SECONDS (60), ASan and UBSan
	$(Q)tests/run fuzz

.PHONY: setup
setup:
	$(Q)tests/setup build check lab

# Every tests/bench/NAME is `make bench-NAME`.
bench-%: all
	$(Q)tests/bench/$*

# ---- installation

.PHONY: install clean help
install: all ## into DESTDIR and PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
	  $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/site-functions \
	  $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d $(DESTDIR)$(PREFIX)/share/netvitals
	install -m 755 $(addprefix $(BUILD)/bin/,$(PROGRAMS)) $(DESTDIR)$(PREFIX)/bin/
	install -m 644 $(patsubst %,$(BUILD)/man/%.1,$(PROGRAMS)) $(DESTDIR)$(PREFIX)/share/man/man1/
	for p in $(PROGRAMS); do \
	  install -m 644 $(BUILD)/completions/$$p.bash $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$p; \
	  install -m 644 $(BUILD)/completions/$$p.zsh $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_$$p; \
	  install -m 644 $(BUILD)/completions/$$p.fish $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/; \
	done
	cp -R scripts VERSION $(DESTDIR)$(PREFIX)/share/netvitals/
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	for unit in $(basename $(notdir $(wildcard deploy/*.in))); do \
	  sed 's|@PREFIX@|$(PREFIX)|g' deploy/$$unit.in >$(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit; \
	done

clean: ## remove build/
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(firstword $(MAKEFILE_LIST)) | expand -t 16
