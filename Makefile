# Build, check and install.  `make help` lists the targets.
# Everything built goes under $(O); give each set of flags its own O.
VERSION := $(shell cat VERSION)
O       ?= build
PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share/shootout
PLUGINDIR ?= $(PREFIX)/lib/shootout
COMPDIR ?= $(PREFIX)/share/bash-completion/completions
CC      ?= cc
INSTALL ?= install
PKG_CONFIG ?= pkg-config
CFLAGS  ?= -O2 -g
# Real models, recordings and references for the tests; they skip by name without it.
TESTDATA ?= ../shared/data
-include config.mk

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wformat=2 -Wvla \
        -Wundef -Wstrict-prototypes -Wmissing-prototypes \
        -Wno-enum-float-conversion # enum constants stand for numbers here, also in double
WARN += -Wno-pass-failed # clang's word that it did not unroll a loop of the kernels as asked
ALL_CPPFLAGS := -Ilib -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -DPLUGINDIR='"$(PLUGINDIR)"' $(CPPFLAGS)
# No contraction: a fused multiply-add happens where the source says fma and nowhere else.
ALL_CFLAGS   := -std=c11 $(WARN) -ffp-contract=off -fvisibility=hidden -pthread $(CFLAGS)
ALL_LDFLAGS  := -Wl,--as-needed $(LDFLAGS)

# Libraries every build needs.
NEED    := sndfile samplerate libebur128 jansson libcrypto
MISSING := $(foreach p,$(NEED),$(if $(shell $(PKG_CONFIG) --exists $p && echo y),,$p))
ifneq ($(filter-out help clean check-aarch64,$(or $(MAKECMDGOALS),all)),)
 ifneq ($(strip $(MISSING)),)
  $(error pkg-config finds no $(MISSING); scripts/check --install-only brings everything)
 endif
endif

# Optional parts: WITH_X is auto (default), 1 (required) or 0 (left out).
# $(call part,X,pkg-config name,what is left out without it)
PARTS :=
define part
 WITH_$1 ?= auto
 ifneq ($$(WITH_$1),0)
  ifneq ($$(shell $$(PKG_CONFIG) --exists $2 && echo y),)
   PARTS += $2
   ALL_CPPFLAGS += -DHAVE_$1
  else ifeq ($$(WITH_$1),1)
   $$(error WITH_$1=1, but pkg-config finds no $2)
  else
   LEFT_OUT += $3
  endif
 else
  LEFT_OUT += $3
 endif
endef
$(eval $(call part,CAIRO,pangocairo,lib/draw/% lib/video/% cmd/shootout-card.c cmd/shootout-video.c tests/unit/test_draw% tests/unit/test_video%))
$(eval $(call part,LILV,lilv-0,))
$(eval $(call part,SQLITE,sqlite3,lib/db/% cmd/shootout-db.c tests/unit/test_db%))
$(eval $(call part,CURL,libcurl,lib/net/http% lib/net/auth% lib/net/api% lib/net/fetch% lib/net/login% lib/net/session% lib/net/list% lib/net/cache% cmd/tone-fetch.c tests/unit/test_net% tests/fuzz/fuzz_net%))

ALL_CPPFLAGS += $(if $(filter lilv-0,$(PARTS)),-DHAVE_LILV)
ALL_CPPFLAGS += $(shell $(PKG_CONFIG) --cflags $(NEED) $(PARTS) 2>/dev/null)
LDLIBS       += $(shell $(PKG_CONFIG) --libs $(NEED) $(PARTS) 2>/dev/null) -lm -ldl

# The GPU backend is built when nvcc is there.  cudart goes in statically, so
# the plugin needs libc only and loads on machines without NVIDIA software.
NVCC       ?= $(shell command -v nvcc || ls /usr/local/cuda/bin/nvcc 2>/dev/null)
# CUDA=all, the default: code for 8.0 to 12.1.  Code for X.Y runs on every X.Z that is not older, so the oldest of each is there, 12.1 (DGX
# Spark) by itself, and PTX for all to come.  Each takes half a minute of one CPU, side by side; CUDA=some, two of them, is for developers and CI.
CUDA       ?= all
CUDA_CODE  := $(if $(filter some,$(CUDA)),80 90,80 90 100 120 121)
# as far as this nvcc knows them: 12.8 has no 12.1, which then runs the code of 12.0
CUDA_KNOWN  = $(eval CUDA_KNOWN := $(shell $(NVCC) --list-gpu-code))$(CUDA_KNOWN)
CUDA_ARCHS ?= $(foreach a,$(filter $(CUDA_CODE:%=sm_%),$(CUDA_KNOWN)),-gencode arch=$(a:sm_%=compute_%)$(comma)code=$a) \
              -gencode arch=compute_90$(comma)code=compute_90
comma      := ,
CUDALIB    ?= $(dir $(NVCC))../lib64
PLUGINS    := $(if $(NVCC),$(if $(wildcard lib/cuda/*.cu),$O/lib/shootout-cuda.so))

CMDSRC  := $(filter-out $(LEFT_OUT),$(wildcard cmd/*.c))
PROGS   := $(CMDSRC:cmd/%.c=%)
LIBSRC  := $(filter-out $(LEFT_OUT),$(wildcard lib/*/*.c))
UNIT    := $(patsubst tests/unit/%.c,%,$(filter-out $(LEFT_OUT),$(wildcard tests/unit/*.c)))
BENCH   := $(patsubst tests/bench/%.c,%,$(wildcard tests/bench/*.c))
FUZZ    := $(patsubst tests/fuzz/%.c,%,$(filter-out $(LEFT_OUT),$(wildcard tests/fuzz/*.c)))
BINS    := $(PROGS:%=$O/bin/%)
UNITS   := $(UNIT:%=$O/tests/unit/%)
BENCHES := $(BENCH:%=$O/tests/bench/%)
FUZZERS := $(FUZZ:%=$O/tests/fuzz/%)

# A file named *_ISA.c is the only one built for that instruction set.
ISA_avx2   := -mavx2 -mfma
ISA_avx512 := -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma
ISA_neon   :=
MACHINE    := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine)))
ISAS       := $(if $(filter x86_64,$(MACHINE)),avx2 avx512,$(if $(filter aarch64,$(MACHINE)),neon))
LIBSRC     := $(filter-out $(foreach i,$(filter-out $(ISAS),avx2 avx512 neon),%_$i.c),$(LIBSRC))
$(foreach i,$(ISAS),$(eval $O/lib/%_$i.o: ISA := $(ISA_$i)))

Q := $(if $(V),,@)
.PHONY: all help check check-unit check-cli check-gpu check-isa check-san check-flags check-aarch64 fuzz bench lint install uninstall dist clean
.SECONDARY:
.DELETE_ON_ERROR:
all: $(BINS) $(PLUGINS) $O/completions/shootout.bash ## build the programs, and the GPU backend if nvcc is found
help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /  \1	/p' Makefile | expand -t 16

$O/%.o: %.c
	$(Q)mkdir -p $(@D)
	@echo "  CC   $<"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) $(ISA) -MMD -MP -c -o $@ $<
$O/libshootout.a: $(LIBSRC:%.c=$O/%.o)
	@echo "  AR   $@"
	$(Q)rm -f $@ && $(AR) rcs $@ $^
$O/bin/%: $O/cmd/%.o $O/libshootout.a
	$(Q)mkdir -p $(@D)
	@echo "  LD   $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)
# A GPU backend that is the CPU, for tests of what surrounds it.
$O/tests/fake-gpu.so: tests/fake/fake_gpu.c lib/nam/nam_plan_host.c lib/base/mem.c lib/base/err.c $(wildcard lib/nam/*.h lib/gpu/*.h)
	$(Q)mkdir -p $(@D)
	@echo "  LD   $@"
	$(Q)$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -fPIC -shared $(ALL_LDFLAGS) -o $@ $(filter %.c,$^) -lm
# The CUDA plugin on the CPU, where there is a C++ compiler.
CUDA_HOST := $(if $(shell command -v $(CXX)),$O/tests/cuda-host.so)
$O/tests/cuda-host.so: lib/cuda/shootout_cuda.cu $(wildcard lib/cuda/*.cuh) tests/fake/cuda/cuda_runtime.h $(wildcard lib/nam/*.h lib/gpu/*.h)
	$(Q)mkdir -p $(@D)
	@echo "  LD   $@"
	$(Q)$(CXX) -x c++ -std=c++17 -Ilib -Itests/fake/cuda -ffp-contract=off -fvisibility=hidden -fPIC -shared -pthread $(CFLAGS) \
	  $(ALL_LDFLAGS) -o $@ $< -lm
$O/tests/%: $O/tests/%.o $O/libshootout.a
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $^ $(LDLIBS)
$O/lib/cuda/%.o: lib/cuda/%.cu $(wildcard lib/cuda/*.cuh) lib/gpu/gpu.h lib/nam/nam_math_impl.h lib/nam/nam_plan_impl.h lib/nam/nam_plan.h lib/nam/nam_kernel.h
	$(Q)mkdir -p $(@D)
	@echo "  NVCC $<"
	$(Q)$(NVCC) --threads 0 -O2 -Ilib -fmad=false $(CUDA_ARCHS) -Xcompiler \
	  -fPIC,-fvisibility=hidden,-fno-exceptions,-fno-rtti,-fno-threadsafe-statics -c -o $@ $<
$O/lib/shootout-cuda.so: $(patsubst %.cu,$O/%.o,$(wildcard lib/cuda/*.cu)) lib/cuda/plugin.map
	@echo "  LD   $@"
	$(Q)$(CC) -shared -Wl,-z,defs -Wl,--version-script=lib/cuda/plugin.map -o $@ $(filter %.o,$^) \
	  -L$(CUDALIB) -lcudart_static -lrt -lpthread -ldl
$O/completions/shootout.bash: $(BINS) scripts/make-completions
	$(Q)mkdir -p $(@D)
	$(Q)scripts/make-completions $(BINS) >$@
-include $(shell find $O -name '*.d' 2>/dev/null)

check: check-unit check-cli ## run all tests
# --directives: what is skipped is said, with its reason
PROVE    ?= prove --directives -j2
UNIT_ENV = TESTDATA=$(abspath $(TESTDATA)) $(addprefix SHOOTOUT_GPU=,$(abspath $(PLUGINS)))
check-unit: $(UNITS) $(PLUGINS) $O/tests/fake-gpu.so $(CUDA_HOST)
	$(UNIT_ENV) $(PROVE) -e '' $(UNITS)
check-cli: all $(FUZZERS) $O/tests/fake-gpu.so $(CUDA_HOST)
	BIN=$(abspath $O)/bin O=$(abspath $O) TESTDATA=$(abspath $(TESTDATA)) $(PROVE) tests/cli/*.t
# What has no kernels need not be run again; the best instruction set is what check runs on.
PLAIN := $(addprefix test_,audio base batch cli db diff draw% gpu gts hum level% nam_check nam_info nam_tree net resample timeline video%)
check-isa: $(UNITS) $(PLUGINS) ## run the unit tests on every instruction set but the best
	@for i in generic $(filter-out $(lastword $(ISAS)),$(ISAS)); do echo "isa $$i"; \
	  $(UNIT_ENV) SHOOTOUT_ISA=$$i $(PROVE) -e '' $(filter-out $(PLAIN:%=$O/tests/unit/%),$(UNITS)) || exit; done
check-san: ## run all tests under ASan and UBSan
	$(MAKE) O=$O-san CFLAGS='-O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all' check
check-flags: ## build nam-render with gcc and clang, -O1 to -O3, and compare its golden hashes
	@for cc in gcc clang; do for f in 1 2 3; do o=$(abspath $O)-flags/$$cc-O$$f; echo "$$cc -O$$f"; \
	  $(MAKE) O=$$o CC=$$cc CFLAGS=-O$$f $$o/bin/nam-render >/dev/null && \
	  BIN=$$o/bin O=$$o prove -Q tests/cli/nam-golden.t || exit; done; done
check-aarch64: ## cross-build for AArch64, and run under qemu-user the tests that promise bits
	scripts/check-aarch64 $O-aarch64
fuzz: ## fuzz every parser of outside data with libFuzzer, FUZZ_S seconds each (clang)
	$(MAKE) O=$O-fuzz CC=clang CFLAGS='-O1 -g -fsanitize=address,undefined,fuzzer-no-link' FUZZ_LINK=-fsanitize=fuzzer \
	  CPPFLAGS=-DFUZZER run-fuzz
$(FUZZERS): ALL_LDFLAGS += $(FUZZ_LINK)
run-fuzz: $(FUZZERS)
	for f in $(FUZZERS); do mkdir -p $$f-corpus; \
	  n=$${f##*/fuzz_}; dict=; [ ! -f tests/fuzz/$$n.dict ] || dict=-dict=tests/fuzz/$$n.dict; \
	  $$f -max_total_time=$(or $(FUZZ_S),60) -max_len=65536 -rss_limit_mb=2048 $$dict $$f-corpus \
	    $$(ls -d tests/fuzz/corpus/$$n 2>/dev/null) || exit; done
check-gpu: ## on a machine with an NVIDIA GPU: build, compare with the CPU, and time
	TESTDATA=$(abspath $(TESTDATA)) scripts/check-gpu
bench: all $(BENCHES) ## measure speed: real-time factors and the share of the machine's peak
	TESTDATA=$(abspath $(TESTDATA)) BIN=$(abspath $O)/bin BENCH_JSON=$(or $(BENCH_JSON),$O/bench.jsonl) scripts/bench $(BENCHES)
	[ ! -x $O/bin/tone-fetch ] || BIN=$(abspath $O)/bin tests/bench/tone-fetch.sh
lint: ## check man pages, scripts and the layers of lib/
	mandoc -T lint -W warning man/*.1 man/*.5 man/*.7
	shellcheck scripts/check scripts/check-aarch64 scripts/check-gpu scripts/demo scripts/packages scripts/bench scripts/make-completions \
	  scripts/check-layers scripts/fx-man scripts/examples/*.sh .ci/run tests/lib.sh tests/standin.sh tests/cli/*.t tests/golden/*.sh
	scripts/check-layers

install: all ## install under $(DESTDIR)$(PREFIX)
	$(INSTALL) -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man7 \
	  $(DESTDIR)$(DATADIR)/schema $(DESTDIR)$(COMPDIR)
	$(INSTALL) -m 755 $(BINS) $(DESTDIR)$(BINDIR)
	$(INSTALL) -m 644 $(PROGS:%=man/%.1) $(DESTDIR)$(MANDIR)/man1
	$(INSTALL) -m 644 man/*.5 $(DESTDIR)$(MANDIR)/man5
	$(INSTALL) -m 644 man/*.7 $(DESTDIR)$(MANDIR)/man7
	$(INSTALL) -m 644 lib/schema/*.json $(DESTDIR)$(DATADIR)/schema
	$(INSTALL) -m 644 $O/completions/shootout.bash $(DESTDIR)$(COMPDIR)/shootout
	for p in $(filter-out shootout,$(PROGS)); do ln -sf shootout $(DESTDIR)$(COMPDIR)/$$p || exit; done
	for p in $(PLUGINS); do $(INSTALL) -D -m 644 $$p $(DESTDIR)$(PLUGINDIR)/$${p##*/} || exit; done
uninstall: ## remove what install put there
	cd $(DESTDIR)$(BINDIR) && rm -f $(PROGS)
	cd $(DESTDIR)$(MANDIR)/man1 && rm -f $(PROGS:%=%.1)
	cd $(DESTDIR)$(MANDIR) && rm -f $(patsubst man/%.5,man5/%.5,$(wildcard man/*.5)) $(patsubst man/%.7,man7/%.7,$(wildcard man/*.7))
	cd $(DESTDIR)$(COMPDIR) && rm -f $(PROGS)
	rm -f $(patsubst lib/schema/%,$(DESTDIR)$(DATADIR)/schema/%,$(wildcard lib/schema/*.json))
	rmdir $(DESTDIR)$(DATADIR)/schema $(DESTDIR)$(DATADIR) 2>/dev/null || :
	rm -f $(DESTDIR)$(PLUGINDIR)/shootout-cuda.so
dist: ## make shootout-VERSION.tar.gz of what git has
	git archive --prefix=shootout-$(VERSION)/ -o shootout-$(VERSION).tar.gz HEAD
clean: ## remove what was built
	rm -rf $O $O-san $O-fuzz $O-flags $O-aarch64 build-clang
